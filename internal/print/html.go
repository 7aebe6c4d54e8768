package print

import (
	"crypto/sha256"
	_ "embed" // the style and the template of the HTML form
	"encoding/base64"
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/words"
)

// style is the receipt's own style, because a saved or forwarded page must print as the original did.
//
//go:embed receipt.css
var style string

//go:embed receipt.html
var layout string

// HTMLPolicy returns the content security policy for the page of [HTML]: it allows the page's own style and nothing else.
func HTMLPolicy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
}

// HTML lays out a receipt as a page that prints on 80 mm rolls and on A6, with any driver. It reveals the digits that the receipt carries.
func HTML(say *words.Texts, r receipt.Receipt) (string, error) {
	t, err := template.New("receipt").Funcs(template.FuncMap{
		"money":    func(m money.Minor) string { return say.Figure(m, r.Currency) },
		"rate":     func(m money.MicroRate) string { return say.Rate(m, r.Currency) },
		"text":     func(n int) string { return strconv.Itoa(n) },
		"inc":      func(i int) int { return i + 1 },
		"part":     func(p receipt.Part) string { return part(say, p) },
		"owing":    func(p receipt.Part) string { return owing(say, p, r.Currency) },
		"named":    func(t receipt.Token) string { return named(say, t) },
		"actor":    func(stored string) string { return Actor(say, stored) },
		"neg":      func(m money.Minor) money.Minor { return -m },
		"customer": func(name string, erased bool) string { return writeCustomerName(say, name, erased) },
	}).Parse(layout)
	if err != nil {
		return "", fmt.Errorf("read the layout of receipts: %w", err)
	}
	picture, err := svgOf(r.Link)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, struct {
		receipt.Receipt
		Say     *words.Texts
		Style   template.CSS
		Name    string
		Above   []string
		Entered []receipt.Token
		Percent string
		Credit  bool
		Fate    string
		In, Out string // names of the change brought and carried forward
		Code    *svgCode
	}{r, say, template.CSS(style), Title(say, r), Marks(say, r), r.Ordered(), percent(say, r.VATBps), r.Credits(), fate(say, r),
		say.Name("line", string(sale.LineCarryIn)), say.Name("line", string(sale.LineCarry)), picture})
	return out.String(), fault.Wrap(err, "lay out receipt %s", r.No)
}
