package console

import (
	"fmt"
	"strings"
)

// iconsDir is where the icons are, as Lucide publishes them.
const iconsDir = "assets/icons/"

// pageIcons names the icon of each page that a menu leads to. An icon stands beside the page's name and never replaces it.
var pageIcons = map[string]string{
	"/overview": "layout-dashboard", "/meters": "gauge", "/sell": "banknote", "/customers": "users", "/messages": "message-square",
	"/ledger": "book-open", "/office": "briefcase", "/sales": "receipt-text", "/tills": "wallet", "/tariffs": "tags", "/approvals": "check-check",
	"/quarantine": "triangle-alert", "/people": "user-cog", "/keys": "key-round", "/alarms": "bell", "/vendors": "store", "/payments": "smartphone", vouchersPath: "ticket", webhooksPath: "webhook", flatsPath: "building-2",
	"/start": "list-checks", importPath: "upload", devicePath: "cpu", "/days": "calendar-check", "/doctor": "stethoscope", "/debts": "hand-coins", "/integrations": "plug", "/settings": "settings", "/audit": "scroll-text", "/help": "circle-question-mark",
	"/account": "circle-user",
}

// iconSVG returns an icon as an element of a page. Screen readers skip it, because the text beside it says the same. An unknown name gives
// no icon; a test checks that every name in use exists.
func iconSVG(name string) string {
	b, err := assets.ReadFile(iconsDir + name + ".svg")
	if err != nil {
		return ""
	}
	_, drawing, _ := strings.Cut(string(b), "<svg")
	_, drawing, _ = strings.Cut(drawing, ">")
	drawing, _, _ = strings.Cut(drawing, "</svg>")
	return fmt.Sprintf(`<svg class="icon %s" viewBox="0 0 24 24" aria-hidden="true" focusable="false">%s</svg>`, name, strings.Join(strings.Fields(drawing), " "))
}
