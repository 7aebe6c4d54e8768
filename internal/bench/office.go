package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
)

// office asks a town's server for pages: those of the console as a signed-in owner, and those of the API with a key.
type office struct {
	*town
	site, key string
	browser   *http.Client
	sales     []apiv1.Sale // the newest
	accounts  []string     // of some meters
	more      [3]string    // cursors of second pages: meters, sales, customers
}

// accountsOf is how many accounts a bench asks for.
const accountsOf = 50

const ownerOf = "owner@bench.example"

// hire makes the owner of a new town.
func (t *town) hire(ctx context.Context) (err error) {
	f, err := app.OpenFolder(ctx, t.dir, t.url, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	by := app.Clerk()
	invited, err := f.Access.Invite(ctx, by, access.NewPerson{Email: ownerOf, Name: "Owner", Role: access.Owner})
	if err != nil || invited.Refused() {
		return errors.Join(err, errors.New(invited.Detail()))
	}
	taken, err := f.Access.Accept(ctx, by.Tenant, invited.Link.Reveal(), access.SecretOf(passwordOf), "")
	if err != nil || taken.Refused() {
		return errors.Join(err, errors.New(taken.Detail()))
	}
	confirmed, err := f.Access.Confirm(ctx, by, ownerOf)
	if err != nil || confirmed.Refused() {
		return errors.Join(err, errors.New(confirmed.Detail()))
	}
	return nil
}

// employ makes the key of the owner's program.
func (o *office) employ(ctx context.Context) (err error) {
	f, err := app.OpenFolder(ctx, o.dir, o.url, nil)
	if err != nil {
		return err
	}
	made, err := f.Access.CreateAPIKey(ctx, app.Clerk(), access.NewKey{Role: access.Owner, Name: "bench", Person: ownerOf})
	if err == nil && made.Refused() {
		err = errors.New(made.Detail())
	}
	o.key = made.Secret.Reveal()
	return errors.Join(err, f.Close())
}

// signIn opens a session, and reads what the pages ask for.
func (o *office) signIn(ctx context.Context) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	o.browser = &http.Client{Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	form := url.Values{"email": {ownerOf}, "password": {passwordOf}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.site+"/signin", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := o.browser.Do(r)
	if err != nil {
		return err
	}
	if err := a.Body.Close(); err != nil || a.StatusCode != http.StatusSeeOther {
		return errors.Join(err, fmt.Errorf("the bench could not sign in: %s", a.Status))
	}
	var sales apiv1.List[apiv1.Sale]
	if err := o.read(ctx, "/v1/vends?limit=200", &sales); err != nil {
		return err
	}
	o.sales, o.more[1] = sales.Data, sales.NextCursor
	for i, path := range map[int]string{0: "/v1/meters", 2: "/v1/customers"} {
		var list apiv1.List[json.RawMessage]
		if err := o.read(ctx, path, &list); err != nil {
			return err
		}
		o.more[i] = list.NextCursor
	}
	for i := range accountsOf {
		var a apiv1.Account
		if err := o.read(ctx, "/v1/accounts/"+o.meters[i*7919%len(o.meters)].Number, &a); err != nil {
			return err
		}
		o.accounts = append(o.accounts, a.ID)
	}
	return nil
}

// read reads an answer of the API.
func (o *office) read(ctx context.Context, path string, into any) error {
	a, err := o.get(ctx, path)
	if err != nil {
		return err
	}
	return errors.Join(json.NewDecoder(a.Body).Decode(into), a.Body.Close())
}

// get asks for a page. Those of the API get the key.
func (o *office) get(ctx context.Context, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.site+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(path, "/v1/") {
		r.Header.Set("Authorization", "Bearer "+o.key)
	}
	return o.browser.Do(r)
}

// ask asks for a page about the n-th meter, sale or resident, and returns the length of the answer.
func (o *office) ask(ctx context.Context, p request, n int) (int, error) {
	at := p.at(n)
	a, err := o.get(ctx, at)
	if err != nil {
		return 0, err
	}
	size, err := readAll(a, nil)
	if err == nil && a.StatusCode != http.StatusOK && (!p.finds || a.StatusCode != http.StatusSeeOther && a.StatusCode != http.StatusNotFound) {
		err = fmt.Errorf("GET %s was answered with %s", at, a.Status)
	}
	return size, err
}

// watch opens live pages of meters, and returns what closes them.
func (o *office) watch(ctx context.Context, streams int) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	stop = func() { cancel(); all.Wait() }
	for i := range streams {
		var numbers []string
		for m := range 50 {
			numbers = append(numbers, o.meters[(i*50+m)%len(o.meters)].Number)
		}
		a, err := o.get(ctx, "/meters/live?n="+strings.Join(numbers, ","))
		if err == nil && a.StatusCode != http.StatusOK {
			err = errors.Join(fmt.Errorf("a live page was answered with %s", a.Status), a.Body.Close())
		}
		if err != nil {
			stop()
			return nil, err
		}
		all.Go(func() {
			defer a.Body.Close()
			for lines := bufio.NewReader(a.Body); ; {
				if _, err := lines.ReadString('\n'); err != nil {
					return // the bench has ended
				}
			}
		})
	}
	return stop, nil
}

// request is a page that is asked for, each time for something else.
type request struct {
	name  string
	at    func(n int) string
	finds bool // it may lead to the page of what it found, or find nothing
}

// pages are all lists and searches of the console and the API.
func (o *office) pages() []request {
	day := time.Now().Add(-span / 2).Format(time.DateOnly)
	out := []request{}
	add := func(name string, at func(n int) string) { out = append(out, request{name, at, false}) }
	for _, path := range []string{"/overview", "/meters", "/meters?state=cut_off", "/meters?state=offline", "/meters?state=on", "/meters?low=true", "/meters?page=3", "/meters?sort=left&page=7", "/meters?sort=customer", "/meters?sort=load", "/meters?tariff=bench",
		"/meters?find=nobody+at+all", "/sales", "/sales?state=reversed", "/sales?till=main", "/sales?from=" + day + "&to=" + day, "/sales?from=" + day, "/customers",
		"/customers?find=wekesa", "/messages", "/alarms", "/audit", "/quarantine", "/approvals", "/people", "/keys", "/vendors", "/tills", "/tariffs", "/ledger",
		"/ledger/journals", "/ledger/accounts?code=2000", "/sell",
		"/days", "/differences", "/payments", "/vouchers", "/webhooks", "/flats", "/v1/flats", "/v1/payments", "/v1/voucher-batches", "/v1/webhooks", "/debts", "/charges", "/integrations", "/settings", "/settings/meters", "/devices", "/import", "/start", "/office", "/doctor",
		"/v1/overview", "/v1/meters", "/v1/meters?state=cut_off", "/v1/meters?low=true", "/v1/meters?limit=200", "/v1/vends", "/v1/vends?state=reversed",
		"/v1/vends?till=main", "/v1/customers", "/v1/customers?find=wekesa", "/v1/messages", "/v1/alarms", "/v1/quarantine", "/v1/approvals",
		"/v1/people", "/v1/keys", "/v1/vendors", "/v1/shifts", "/v1/tariffs", "/v1/imports", "/v1/ledger/journals", "/v1/ledger/accounts", "/v1/debts", "/v1/charges",
		"/v1/reports/registers", "/v1/days", "/v1/devices"} {
		add(path, func(int) string { return path })
	}
	for i, path := range []string{"/v1/meters?cursor=", "/sales?cursor=", "/customers?cursor="} {
		add(path+"…", func(int) string { return path + url.QueryEscape(o.more[i]) })
	}
	return append(append(out, o.searches()...), o.single()...)
}

// searches are what somebody types, in every way.
func (o *office) searches() (out []request) {
	who := func(n int) resident { return o.people[n*7919%len(o.people)] }
	number := func(n int) string { return o.meters[n*7919%len(o.meters)].Number }
	for name, typed := range map[string]func(n int) string{
		"a number":              number,
		"the start of one":      func(n int) string { return number(n)[:7] },
		"13 digits":             func(n int) string { return "00" + number(n) },
		"a name":                func(n int) string { return who(n).name },
		"a common first name":   func(int) string { return "amina" },
		"a telephone":           func(n int) string { return who(n).phone },
		"a local telephone":     func(n int) string { return "0" + strings.TrimPrefix(who(n).phone, "+254") },
		"an address":            func(n int) string { return who(n).address },
		"a receipt":             func(n int) string { return o.sales[n%len(o.sales)].ReceiptNo },
		"a sale":                func(n int) string { return o.sales[n%len(o.sales)].ID },
		"an account":            func(n int) string { return o.accounts[n%len(o.accounts)] },
		"six digits":            func(n int) string { return fmt.Sprintf("%06d", n*7919%1_000_000) },
		"20 digits":             func(n int) string { return fmt.Sprintf("%020d", n*7919) },
		"what nobody is called": func(int) string { return "nobody at all" },
	} {
		for _, path := range []string{"/search?q=", "/search/hits?q=", "/v1/search?q=", "/sell/preview?meter=", "/meters?find=", "/v1/meters?find="} {
			out = append(out, request{path + name, func(n int) string { return path + url.QueryEscape(typed(n)) }, true})
		}
	}
	return out
}

// single are pages about one meter or sale.
func (o *office) single() (out []request) {
	for _, path := range []string{"/meters/{}", "/meters/{}/history", "/sales?meter={}", "/sell?meter={}&amount=100", "/sell/check?meter={}&amount=100", "/v1/meters/{}",
		"/v1/meters/{}/readings", "/v1/meters/{}/tokens", "/v1/vends?meter={}", "/v1/meters/{}/events",
		"/meters/{}?by=week", "/meters/{}?by=month", "/meters/{}/timeline", "/meters/{}/timeline?kind=sale", "/meters/{}/key", "/meters/{}/place",
		"/meters/{}/swap", "/meters/{}/service", "/v1/meters/{}/timeline", "/v1/meters/{}/usage"} {
		out = append(out, request{path, func(n int) string { return strings.ReplaceAll(path, "{}", o.meters[n*7919%len(o.meters)].Number) }, false})
	}
	for _, path := range []string{"/sales/{}", "/sales/{}/receipt", "/v1/vends/{}", "/v1/vends/{}/receipt", "/v1/vends/{}/explain"} {
		out = append(out, request{path, func(n int) string { return strings.ReplaceAll(path, "{}", o.sales[n%len(o.sales)].ID) }, false})
	}
	return out
}

// reports are the reports and exports, which read a month or everything.
func (o *office) reports() (out []request) {
	day, month := time.Now().Add(-span/2), time.Now().Add(-span/2).Format("2006-01")
	meter := func(n int) string { return o.meters[n*7919%len(o.meters)].Number }
	for _, path := range []string{"/v1/reports/daily?date=" + day.Format(time.DateOnly), "/v1/days/next", "/v1/ledger/trial-balance",
		"/v1/ledger/accounts/1000/balance?subject=main&at=" + day.UTC().Format(time.RFC3339),
		"/v1/ledger/export?format=csv", "/v1/ledger/export?format=hledger", "/ledger/export?format=csv",
		"/export/vends", "/export/meters", "/export/customers", "/export/audit", "/export/alarms", "/export/messages", "/export/ledger/journals", "/export/ledger/accounts",
		"/export/reports/registers", "/export/flats", "/export/payments", "/export/quarantine", "/v1/flats/statements/" + month + "?feeder=F3",
		"/v1/flats/loss?feeder=F3&on=" + day.Format(time.DateOnly), "/v1/flats/loss?feeder=F3&on=" + month} {
		out = append(out, request{path, func(int) string { return path }, true})
	}
	for _, path := range []string{"/export/meters/{}/readings", "/v1/accounts/{}/statements/" + month + "?format=pdf", "/v1/accounts/{}/statement", "/v1/accounts/{}/wallet"} {
		out = append(out, request{path, func(n int) string { return strings.ReplaceAll(path, "{}", meter(n)) }, true})
	}
	return out
}
