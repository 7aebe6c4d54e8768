package print

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// CodePage is a table of the letters that a printer knows without being sent their dots.
type CodePage string

// Code pages that nearly every printer has.
const (
	CP858  CodePage = "cp858"
	CP1252 CodePage = "cp1252"
)

// The upper halves of the code pages, from 0x80 on. A letter that a code page lacks is written as a replacement character.
const (
	upper858  = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0"
	upper1252 = "€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ\u00a0¡¢£¤¥¦§¨©ª«¬\u00ad®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ"
)

// number is the code page's number in the command ESC t.
func (p CodePage) number() byte {
	if p == CP1252 {
		return 16
	}
	return 19
}

// simple returns what replaces signs by those that every printer has and that mean the same.
func simple() *strings.Replacer {
	return strings.NewReplacer("–", "-", "—", "-", "‐", "-", "‑", "-", "−", "-", "‘", "'", "’", "'", "“", `"`, "”", `"`, "…", "...")
}

// encode returns a text in the code page, or false if the code page lacks a letter.
func (p CodePage) encode(text string) ([]byte, bool) {
	upper := upper858
	if p == CP1252 {
		upper = upper1252
	}
	text = simple().Replace(norm.NFC.String(text))
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if r >= ' ' && r <= '~' {
			out = append(out, byte(r))
			continue
		}
		n, found := 0, false
		for _, known := range upper {
			if found = known == r && r != '\ufffd'; found {
				break
			}
			n++
		}
		if !found {
			return nil, false
		}
		out = append(out, byte(0x80+n))
	}
	return out, true
}
