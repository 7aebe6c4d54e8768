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
		{"replace a key", 2, func(r *Run, d *rand.Rand) { r.replaceKey(d) }},
		{"invite a person and sign in", 2, func(r *Run, d *rand.Rand) {
			n := apiv1.NewPerson{Email: strings.ToLower(r.ref("friend")) + "@example.org", Role: one(d, []string{"owner", "owner", "auditor"})}
			r.befriend("/v1/people", n, n.Email)
		}},
		{"promote a person and sign in", 2, func(r *Run, d *rand.Rand) { r.promote(d) }},
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
	b := &browser{url: r.c.url, now: r.now, email: email, password: friendly}
	r.browsers[email] = b
	r.enter(b, b.join(who.InviteURL), who.Role)
}

// enter signs in as a friend and makes a key there, if the link worked.
func (r *Run) enter(b *browser, err error, role string) {
	key, err := b.key(err, role)
	if err != nil {
		r.fail(fmt.Errorf("sign in as %s: %w", b.email, err))
	}
	if key != "" {
		r.addHand(key)
	}
}

// promote makes a friend an owner, who then signs in again and makes a key; or P promotes somebody whom P does not know.
func (r *Run) promote(d *rand.Rand) {
	email := one(d, append([]string{sleeper}, r.emails...))
	a := r.ask(r.hand(d), "POST", "/v1/people/"+email+"/role", apiv1.PersonRole{Role: "owner"})
	if b := r.browsers[email]; a.ok() && b != nil && len(r.hands) < friends {
		r.enter(b, nil, "owner")
	}
}

// replaceKey asks for a new key in place of P's own or of somebody else's.
func (r *Run) replaceKey(d *rand.Rand) {
	var list apiv1.List[apiv1.Key]
	if r.ask(r.p(), "GET", "/v1/keys?limit=200", nil).into(&list); len(list.Data) == 0 || len(r.hands) >= friends {
		return
	}
	which := one(d, list.Data)
	if i := slices.IndexFunc(list.Data, func(k apiv1.Key) bool { return k.Name == r.p() }); i >= 0 && d.IntN(2) == 0 {
		which = list.Data[i]
	}
	var k struct{ Key string }
	if r.ask(r.p(), "POST", "/v1/keys/"+which.ID+"/rotate", apiv1.KeyRotation{}).into(&k); k.Key != "" {
		r.addHand(k.Key)
	}
}

// browser is a browser without pictures and scripts, in which a friend of P's signs in.
type browser struct {
	url      string
	now      func() time.Time // of the server
	email    string
	password string
	secret   string // of the second factor; empty before there is one
	http     http.Client
}

// friendly is the password of P's friends.
const friendly = "many short words here"

// between returns what stands between two texts of a page; empty if they are not there.
func between(page, before, after string) string {
	_, rest, _ := strings.Cut(page, before)
	found, _, _ := strings.Cut(rest, after)
	return found
}

// join uses a one-time link.
func (b *browser) join(link string) (err error) {
	if b.http.Jar, err = cookiejar.New(nil); err == nil {
		b.send(&err, "POST", link, url.Values{"password": {friendly}})
	}
	return err
}

// signIn signs in, unless an error came before. It does not succeed if the second factor's code was used before.
func (b *browser) signIn(err *error) {
	b.send(err, "POST", "/signin", url.Values{"email": {b.email}, "password": {b.password}})
	if secret := between(b.send(err, "GET", "/signin/app", nil), `<span class="mono">`, "<"); secret != "" {
		b.secret = strings.ReplaceAll(secret, " ", "")
	}
	if b.secret != "" && *err == nil {
		var code string
		code, *err = totp.GenerateCode(b.secret, b.now())
		b.send(err, "POST", "/signin/code", url.Values{"code": {code}})
	}
}

// form returns a form of the session from a page; empty if the page has none.
func (b *browser) form(err *error, page string) string {
	return between(b.send(err, "GET", page, nil), `name="form" value="`, `"`)
}

// key signs in, unless an error came before, and makes a key of a role. It returns nothing if the person may not make keys.
func (b *browser) key(err error, role string) (string, error) {
	b.signIn(&err)
	form := b.form(&err, "/keys")
	if err != nil || form == "" {
		return "", err
	}
	made := b.send(&err, "POST", "/keys", url.Values{"form": {form}, "name": {b.email}, "role": {role}, "lasts": {"90d"}})
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
