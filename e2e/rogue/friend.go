package rogue

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/paywatt/paywatt/api/apiv1"
)

// friends is how many further keys P has in one history. Each costs the server two slow hashes of a password.
const friends = 2

// friendMoves let P act as more than one person: with a second key, as somebody whom P invited, and as somebody whose password P reset.
func friendMoves() []move {
	return []move{
		{"make a second key", 1, func(r *Run, _ *rand.Rand) { r.secondKey() }},
		{"invite a person and sign in", 2, func(r *Run, _ *rand.Rand) {
			n := apiv1.NewPerson{Email: strings.ToLower(r.ref("friend")) + "@example.org", Role: "owner"}
			r.befriend("/v1/people", n, n.Email)
		}},
		{"reset a person and sign in", 2, func(r *Run, _ *rand.Rand) {
			r.befriend("/v1/people/"+sleeper+"/reset", apiv1.PersonChange{}, sleeper)
		}},
		{"unblock a person", 1, func(r *Run, d *rand.Rand) {
			for _, verb := range []string{"block", "unblock"} {
				r.ask(r.hand(d), "POST", "/v1/people/"+sleeper+"/"+verb, apiv1.PersonChange{})
			}
		}},
		{"confirm a friend", 2, func(r *Run, d *rand.Rand) {
			if who := one(d, r.emails); who != "" {
				r.ask(r.hand(d), "POST", "/v1/people/"+who+"/confirm", apiv1.PersonChange{})
			}
		}},
	}
}

// hand draws one of P's hands: a key of P's role, a key that belongs to nobody, or a key of a friend.
func (r *Run) hand(d *rand.Rand) string {
	if r.role == "vendor_api" {
		return r.p()
	}
	return one(d, slices.Concat([]string{r.p(), r.p(), old(r.role)}, r.hands))
}

// addHand gives P another hand.
func (r *Run) addHand(key string) {
	hand := fmt.Sprintf("%s/friend%d", P, len(r.hands)+1)
	r.hands, r.keys[hand] = append(r.hands, hand), key
}

func (r *Run) secondKey() {
	var k struct{ Key string }
	if len(r.hands) < friends {
		if r.ask(r.p(), "POST", "/v1/keys", apiv1.NewKey{Role: r.role, Name: "second"}).into(&k); k.Key != "" {
			r.addHand(k.Key)
		}
	}
}

// befriend asks for a one-time link and uses it in a browser: P sets a password, signs in with a second factor, and makes a key there.
func (r *Run) befriend(path string, body any, email string) {
	var who apiv1.Person
	if a := r.ask(r.p(), "POST", path, body); !a.ok() || len(r.hands) >= friends {
		return
	} else if a.into(&who); who.InviteURL == "" {
		return
	}
	if !slices.Contains(r.emails, email) {
		r.emails = append(r.emails, email)
	}
	b := &browser{url: r.c.url, now: r.now}
	key, err := b.join(who.InviteURL, email, who.Role)
	if err != nil {
		r.fail(fmt.Errorf("sign in as %s: %w", email, err))
	}
	if key != "" {
		r.addHand(key)
	}
}

// browser is a browser without pictures and scripts.
type browser struct {
	url  string
	now  func() time.Time // of the server
	http http.Client
}

// between returns what stands between two texts of a page; empty if they are not there.
func between(page, before, after string) string {
	_, rest, _ := strings.Cut(page, before)
	found, _, _ := strings.Cut(rest, after)
	return found
}

// join uses a one-time link. It returns a key of the person, or nothing if the person may not make keys.
func (b *browser) join(link, email, role string) (key string, err error) {
	if b.http.Jar, err = cookiejar.New(nil); err != nil {
		return "", err
	}
	const password = "many short words here"
	b.send(&err, "POST", link, url.Values{"password": {password}})
	b.send(&err, "POST", "/signin", url.Values{"email": {email}, "password": {password}})
	if secret := between(b.send(&err, "GET", "/signin/app", nil), `<span class="mono">`, "<"); secret != "" {
		code, wrong := totp.GenerateCode(strings.ReplaceAll(secret, " ", ""), b.now())
		if wrong != nil {
			return "", wrong
		}
		b.send(&err, "POST", "/signin/code", url.Values{"code": {code}})
	}
	form := between(b.send(&err, "GET", "/keys", nil), `name="form" value="`, `"`)
	if err != nil || form == "" {
		return "", err
	}
	made := b.send(&err, "POST", "/keys", url.Values{"form": {form}, "name": {email}, "role": {role}, "lasts": {"90d"}})
	return between(made, `id="secret" class="mono"><bdi>`, "<"), err
}

// send sends a form, or asks for a page; after an error it does nothing.
func (b *browser) send(failed *error, method, path string, form url.Values) string {
	if *failed != nil {
		return ""
	}
	req, err := http.NewRequest(method, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		*failed = err
		return ""
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", b.url)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		*failed = err
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if resp.StatusCode >= 500 {
		err = fmt.Errorf("%s %s: %d", method, path, resp.StatusCode)
	}
	*failed = err
	return string(page)
}
