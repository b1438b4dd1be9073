package aac

import "strings"

// book is a Huffman code (tables 4.A.1 to 4.A.12). All of them are canonical: the codewords of a length are numbers
// that follow one another, and longer ones lie behind. So how many there are of each length says all.
type book struct {
	values int    // that one codeword stands for
	counts []int  // how many codewords there are of 1, 2, 3… bits
	signs  string // what follows each codeword, see kinds; "": nothing
}

// kinds says what follows a codeword: the signs of its values that are not 0, and those values that are too large.
var kinds = [256]struct{ signs, escapes int }{
	'1': {1, 0}, '2': {2, 0}, '3': {3, 0}, '4': {4, 0}, 'a': {1, 1}, 'b': {2, 1}, 'c': {2, 2},
}

// maxEscape is the most bits of a value: 8,191 is the largest.
const maxEscape = 12

// code reads a codeword and returns its place among those of its book, or -1.
func (r *reader) code(b *book) int {
	word, first, place := 0, 0, 0
	for _, n := range b.counts {
		word, first = word<<1|r.bit(), first<<1
		if word-first < n {
			return place + word - first
		}
		first, place = first+n, place+n
	}
	return -1
}

// scaleBook is the code of differences between scales, and scaleValues what each codeword stands for.
var (
	scaleBook   = book{counts: []int{1, 0, 1, 3, 2, 4, 3, 5, 4, 6, 6, 6, 5, 8, 4, 7, 3, 7, 46}}
	scaleValues = [121]int8{
		0, -1, 1, -2, 2, -3, 3, -4, 4, -5, 5, 6, -6, 7, -7, 8, -8, 9, -9, 10, -10, -11, 11, 12, -12, 13, -13, 14, -14, 16,
		15, 17, 18, -15, -17, -16, 19, -18, -19, 20, -20, 21, -21, 22, -22, 23, -23, -25, 25, -27, -24, -26, 24, -28, 27,
		29, -30, -29, 26, -31, -34, -33, -32, -36, 28, -35, -38, -37, 30, -39, -41, -57, -59, -58, -60, 38, 39, 40, 41, 42,
		57, 37, 31, 32, 33, 34, 35, 36, 44, 51, 52, 53, 54, 55, 56, 50, 45, 46, 47, 48, 49, 58, -54, -52, -51, -50, -55, 43,
		60, 59, -56, -53, -45, -44, -42, -40, -43, -49, -48, -46, -47,
	}
)

// books are the codes of spectral data.
var books = [escapeBook + 1]book{
	1: {values: 4, counts: []int{1, 0, 0, 0, 8, 0, 24, 0, 24, 8, 16}},
	2: {values: 4, counts: []int{0, 0, 1, 1, 7, 24, 15, 19, 14}},
	3: {values: 4, counts: []int{1, 0, 0, 4, 2, 6, 3, 5, 15, 15, 8, 9, 3, 3, 5, 2},
		signs: "011112222232343311223232331221224334323244332333223243344233333344442233434443233"},
	4: {values: 4, counts: []int{0, 0, 0, 10, 6, 0, 9, 21, 8, 14, 11, 2},
		signs: "433331202222121144443333333333332222222222221111444444333333333433344422222243333"},
	5: {values: 2, counts: []int{1, 0, 0, 4, 4, 0, 4, 12, 12, 12, 18, 10, 4}},
	6: {values: 2, counts: []int{0, 0, 0, 9, 0, 16, 13, 8, 23, 8, 4}},
	7: {values: 2, counts: []int{1, 0, 2, 1, 0, 4, 5, 10, 14, 15, 8, 4},
		signs: "0112221122211222222221122212122222222211222222222222112222222222"},
	8: {values: 2, counts: []int{0, 0, 1, 5, 7, 10, 14, 15, 8, 4},
		signs: "2212120112222222221122222222221212222222121222222222221212222112"},
	9: {values: 2, counts: []int{1, 0, 2, 1, 0, 4, 3, 8, 11, 20, 31, 38, 32, 14, 4},
		signs: "0112221122211222222221122222221212222222212222222212221222212222112222222222222122212222222222222222222212212222222122222222222222212212222122222222222222222222222222222"},
	10: {values: 2, counts: []int{0, 0, 0, 3, 8, 14, 17, 25, 31, 41, 22, 8},
		signs: "2222112222211222202211222222222222121222222222222121222222222222222222122222122222222222222222121222222212222221222222222222222221212122222222222222212122212221222222122"},
	11: {values: 2, counts: []int{0, 0, 0, 2, 6, 7, 16, 59, 55, 95, 43, 6},
		signs: "02c11222222121222222211222222222222222bbbbb2b121b2bbbb22222bb22bbb22b2bbb2b22bb2221bb222212bb22b2b2222222b221222222122222222222222122222222222a222222a" +
			"2122222222222222222222222222222212222222222222222221222222222222222222222222222112222222222222222222222222212212122212222211222212212112112"},
}

// rates are the rates of AAC in Hz, and longBands and shortBands the widths of the bands of each (tables 4.129 to
// 4.147): how many there are of a width, in fours, one after the other.
var (
	rates     = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	longBands = [len(rates)][]uint8{
		long96, long96, long64, long48, long48, long32, long24, long24, long16, long16, long16, long8, long8,
	}
	shortBands = [len(rates)][]uint8{
		short96, short96, short96, short48, short48, short48, short24, short24, short16, short16, short16, short8, short8,
	}

	long96 = widths(14, 1, 5, 2, 5, 3, 2, 4, 1, 6, 1, 7, 1, 9, 1, 11, 11, 16)
	long64 = widths(14, 1, 4, 2, 3, 3, 3, 4, 1, 5, 2, 6, 1, 7, 1, 9, 18, 10)
	long48 = widths(10, 1, 7, 2, 4, 3, 2, 4, 2, 5, 2, 6, 2, 7, 19, 8, 1, 24)
	long32 = widths(10, 1, 7, 2, 4, 3, 2, 4, 2, 5, 2, 6, 2, 7, 22, 8)
	long24 = widths(11, 1, 10, 2, 4, 3, 3, 4, 2, 5, 2, 6, 2, 7, 1, 8, 2, 9, 1, 10, 1, 11, 1, 12, 2, 13, 5, 16)
	long16 = widths(11, 2, 9, 3, 4, 4, 3, 5, 2, 6, 2, 7, 1, 8, 1, 9, 2, 10, 1, 11, 1, 12, 1, 13, 1, 14, 1, 15, 3, 16)
	long8  = widths(13, 3, 7, 4, 4, 5, 3, 6, 2, 7, 1, 8, 2, 9, 1, 10, 1, 11, 1, 12, 1, 13, 1, 14, 1, 15, 1, 16, 1, 20)

	short96 = widths(6, 1, 3, 2, 1, 4, 1, 7, 1, 9)
	short48 = widths(5, 1, 3, 2, 3, 3, 3, 4)
	short24 = widths(7, 1, 3, 2, 2, 3, 2, 4, 1, 5)
	short16 = widths(8, 1, 2, 2, 2, 3, 1, 4, 2, 5)
	short8  = widths(7, 1, 4, 2, 1, 3, 1, 4, 2, 5)
)

func widths(runs ...int) (out []uint8) {
	for i := 0; i < len(runs); i += 2 {
		out = append(out, strings.Repeat(string(rune(runs[i+1])), runs[i])...)
	}
	return out
}
