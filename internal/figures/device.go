package figures

import "strings"

// Kinds of devices.
const (
	Phone    = "phone"
	Tablet   = "tablet"
	Computer = "computer"
	TV       = "tv"
)

// devices are marks of user agents, in the order in which they count: a television says that it is Android too.
var devices = []struct{ mark, kind string }{
	{"smart-tv", TV}, {"smarttv", TV}, {"appletv", TV}, {"apple tv", TV}, {"tvos", TV}, {"googletv", TV}, {"android tv", TV}, {"bravia", TV}, {"aft", TV}, {"crkey", TV}, {"roku", TV}, {"web0s", TV}, {"webos", TV}, {"tizen", TV}, {"hbbtv", TV},
	{"ipad", Tablet}, {"tablet", Tablet}, {"kindle", Tablet},
	{"iphone", Phone}, {"ipod", Phone}, {"mobile", Phone}, {"android", Tablet},
	{"windows", Computer}, {"macintosh", Computer}, {"x11", Computer}, {"linux", Computer}, {"cros", Computer},
}

// Device tells the kind of device by its user agent, as well as that can be told.
func Device(agent string) string {
	agent = strings.ToLower(agent[:min(len(agent), 300)])
	for _, d := range devices {
		if strings.Contains(agent, d.mark) {
			return d.kind
		}
	}
	return Other
}

// Country reads a country's code as a proxy gives it: two letters, or "" if it does not know.
func Country(code string) string {
	if len(code) != 2 {
		return ""
	}
	code = strings.ToUpper(code)
	if code == "XX" || code == "T1" || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' {
		return ""
	}
	return code
}
