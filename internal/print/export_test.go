package print

// Encode is encode.
func (p CodePage) Encode(text string) ([]byte, bool) { return p.encode(text) }

// Visual is visual.
func Visual(s string, rtl bool) string { return string(visual(s, rtl)) }
