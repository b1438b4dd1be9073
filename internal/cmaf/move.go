package cmaf

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Move adds to the decode times of fragments, by track, in the bytes themselves, and numbers them from sequence on. It
// returns the number that follows. So what was cut out of one timeline takes its place in another without being written
// anew. It is safe on any input; fragments whose times have 32 bits are refused.
func Move(data []byte, by map[int]int64, sequence uint32) (uint32, error) {
	err := eachBox(data, func(name string, moof []byte) error {
		if name != "moof" {
			return nil
		}
		sequence++
		return eachBox(moof, func(name string, body []byte) error {
			switch {
			case name == "mfhd" && len(body) >= 8:
				binary.BigEndian.PutUint32(body[4:], sequence-1)
			case name == "traf":
				return moveTrack(body, by)
			}
			return nil
		})
	})
	if err != nil {
		return sequence, fmt.Errorf("move fragments: %w", err)
	}
	return sequence, nil
}

// moveTrack adds to the decode time of one traf.
func moveTrack(traf []byte, by map[int]int64) error {
	track := 0
	return eachBox(traf, func(name string, body []byte) error {
		switch name {
		case "tfhd":
			if len(body) < 8 {
				return errors.New("tfhd is too short")
			}
			track = int(binary.BigEndian.Uint32(body[4:]))
		case "tfdt":
			if len(body) < 12 || body[0] != 1 {
				return errors.New("tfdt has no 64 bits")
			}
			at := int64(binary.BigEndian.Uint64(body[4:])) + by[track]
			if at < 0 {
				return fmt.Errorf("track %d would begin before its timeline does", track)
			}
			binary.BigEndian.PutUint64(body[4:], uint64(at))
		}
		return nil
	})
}
