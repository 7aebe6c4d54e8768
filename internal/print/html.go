package print

import (
	"crypto/sha256"
	_ "embed" // the style and the template of the HTML form
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/receipt"
)

// style is the receipt's own: a saved or forwarded page must print as the first one did.
//
//go:embed receipt.css
var style string

//go:embed receipt.html
var layout string

// HTMLPolicy is the content security policy under which [HTML] works: its own style and nothing else.
func HTMLPolicy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
}

// HTML lays a receipt out as a page that prints on 80 mm rolls and on A6, by any driver. It reveals the digits that the
// receipt carries.
func HTML(r receipt.Receipt) (string, error) {
	t, err := template.New("receipt").Funcs(template.FuncMap{
		"money": func(m money.Minor) string { return money.Format(m, r.Currency) },
		"rate":  func(m money.MicroRate) string { return money.FormatRate(m, r.Currency) },
		"inc":   func(i int) int { return i + 1 },
		"neg":   func(m money.Minor) money.Minor { return -m },
	}).Parse(layout)
	if err != nil {
		return "", fmt.Errorf("read the layout of receipts: %w", err)
	}
	advice := ""
	if r.PressKey {
		advice = receipt.PressKey
	}
	var out strings.Builder
	err = t.Execute(&out, struct {
		receipt.Receipt
		Style   template.CSS
		Entered []receipt.Token
		Percent string
		Credit  bool
		Advice  string
	}{r, template.CSS(style), r.Ordered(), percent(r.VATBps), r.Credits(), advice})
	return out.String(), fault.Wrap(err, "lay out receipt %s", r.No)
}
