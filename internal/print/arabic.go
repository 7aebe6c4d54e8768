package print

// forms are the joined forms of an Arabic letter. They follow each other in Unicode: isolated, final, initial, medial. A letter with two
// forms joins only to the letter before it.
type forms struct {
	isolated rune
	count    int
}

// arabic has the forms of the letters that Unicode encodes apart, so a font shows them without tables of its own.
var arabic = map[rune]forms{
	'ء': {0xfe80, 1}, 'آ': {0xfe81, 2}, 'أ': {0xfe83, 2}, 'ؤ': {0xfe85, 2}, 'إ': {0xfe87, 2}, 'ئ': {0xfe89, 4}, 'ا': {0xfe8d, 2}, 'ب': {0xfe8f, 4},
	'ة': {0xfe93, 2}, 'ت': {0xfe95, 4}, 'ث': {0xfe99, 4}, 'ج': {0xfe9d, 4}, 'ح': {0xfea1, 4}, 'خ': {0xfea5, 4}, 'د': {0xfea9, 2}, 'ذ': {0xfeab, 2},
	'ر': {0xfead, 2}, 'ز': {0xfeaf, 2}, 'س': {0xfeb1, 4}, 'ش': {0xfeb5, 4}, 'ص': {0xfeb9, 4}, 'ض': {0xfebd, 4}, 'ط': {0xfec1, 4}, 'ظ': {0xfec5, 4},
	'ع': {0xfec9, 4}, 'غ': {0xfecd, 4}, 'ف': {0xfed1, 4}, 'ق': {0xfed5, 4}, 'ك': {0xfed9, 4}, 'ل': {0xfedd, 4}, 'م': {0xfee1, 4}, 'ن': {0xfee5, 4},
	'ه': {0xfee9, 4}, 'و': {0xfeed, 2}, 'ى': {0xfeef, 2}, 'ي': {0xfef1, 4},
	// Letters of Persian and Urdu.
	'پ': {0xfb56, 4}, 'ٹ': {0xfb66, 4}, 'چ': {0xfb7a, 4}, 'ڈ': {0xfb88, 2}, 'ژ': {0xfb8a, 2}, 'ڑ': {0xfb8c, 2}, 'ک': {0xfb8e, 4}, 'گ': {0xfb92, 4},
	'ں': {0xfb9e, 2}, 'ہ': {0xfba6, 4}, 'ے': {0xfbae, 2}, 'ی': {0xfbfc, 4},
}

// lamAlef has the isolated form of lam and alef, which are written as one letter; its final form follows.
var lamAlef = map[rune]rune{'آ': 0xfef5, 'أ': 0xfef7, 'إ': 0xfef9, 'ا': 0xfefb}

const (
	lam     = 'ل'
	tatweel = 'ـ' // lengthens the stroke between two letters
)

// signs over and under letters do not separate them.
func arabicSign(r rune) bool {
	return r >= 0x610 && r <= 0x61a || r >= 0x64b && r <= 0x65f || r == 0x670 || r >= 0x6d6 && r <= 0x6dc
}

// joins reports whether a letter joins to the one before it, and to the one after it.
func joins(r rune) (before, after bool) {
	if r == tatweel {
		return true, true
	}
	n := arabic[r].count
	return n >= 2, n == 4
}

// shape joins Arabic letters: it replaces each with its form at its place. All other letters stay. The text is in the order of reading.
func shape(text []rune) []rune {
	out := make([]rune, 0, len(text))
	joined := false // the letter before joins to this one
	for i := 0; i < len(text); i++ {
		r := text[i]
		if arabicSign(r) {
			out = append(out, r)
			continue
		}
		f, known := arabic[r]
		if !known {
			out = append(out, r)
			joined = r == tatweel
			continue
		}
		if r == lam && i+1 < len(text) && lamAlef[text[i+1]] != 0 {
			two := lamAlef[text[i+1]]
			if joined {
				two++
			}
			out = append(out, two)
			joined = false
			i++
			continue
		}
		before, after := joins(r)
		form := rune(0)
		if joined && before {
			form = 1
		}
		after = after && joinsNext(text[i+1:])
		if after {
			form += 2
		}
		out = append(out, f.isolated+form)
		joined = after
	}
	return out
}

// joinsNext reports whether the next letter, after any signs, joins to the one before it.
func joinsNext(rest []rune) bool {
	for _, r := range rest {
		if !arabicSign(r) {
			before, _ := joins(r)
			return before
		}
	}
	return false
}
