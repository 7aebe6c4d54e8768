package bounded

// CheckJSON refuses a text of JSON with more elements than that: values in lists and objects, and the lists and objects themselves. A reader makes a
// whole record of each `{}`, so a mebibyte of them took 200 MB of memory. It looks at nothing else of the text, which may not be JSON at all.
func CheckJSON(text []byte, most int) error {
	elements, line := 0, 1
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\n':
			line++
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '[', '{', ',':
			if elements++; elements > most {
				return &TooMuch{Elements, most, line}
			}
		}
	}
	return nil
}
