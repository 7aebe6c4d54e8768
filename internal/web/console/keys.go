package console

import (
	"cmp"
	"context"
	"crypto/sha256"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/words"
)

// FormStore remembers which forms were carried out, so that a form that is sent again has no further effect.
type FormStore interface {
	// Claim claims the id of a form, or returns what is stored under it: Status 0 while the form is being carried out.
	Claim(ctx context.Context, t access.Tenant, o access.Once) (kept access.StoredAnswer, found bool, err error)
	// Keep stores what a claimed form has made.
	Keep(ctx context.Context, t access.Tenant, o access.Once, status int, body []byte) error
	// Drop ends a claim of a form that has made nothing.
	Drop(ctx context.Context, t access.Tenant, o access.Once) error
}

// keyLine is an API key as pages show it.
type keyLine struct {
	ID, Name, Role, Person, Vendor, Made, Ends, Used string
	From                                             []string
	State                                            badge
	Works                                            bool // neither revoked nor expired
}

func (l keyLine) path() string { return "/keys/" + l.ID }

// keysPage is the list of keys, with the form that creates one.
type keysPage struct {
	Rows          []keyLine
	Next          string
	All           bool
	FormID, Error string
	Name, From    string
	Lasts         string
	Create        roleFields
}

// keyPage is one key with the forms that replace and revoke it.
type keyPage struct {
	keyLine
	FormID, Error, Notice string
	Own                   bool   // it belongs to the one who looks at it
	Overlap               string // how long the old key goes on working, as chosen
}

// keySecret shows a new key, once.
type keySecret struct {
	keyLine
	Secret, Old string // Old says how long the replaced key works; empty for none
}

// keys lists the API keys.
func (s *Console) keys(w http.ResponseWriter, r *http.Request, v visit) {
	s.showKeys(w, r, v, http.StatusOK, keysPage{Lasts: "90d", Create: roleFields{Role: string(access.Operator)}})
}

func (s *Console) showKeys(w http.ResponseWriter, r *http.Request, v visit, status int, d keysPage) {
	q := r.URL.Query()
	d.All = q.Get("all") != ""
	after := id.ID{}
	if at := q.Get("after"); at != "" {
		var err error
		if after, err = id.Parse(id.Key, at); err != nil {
			s.refuse(w, r, v, refuse.CursorNotOfList())
			return
		}
	}
	list, err := s.c.Access.APIKeys(r.Context(), v.by, after)
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	vendors := map[id.ID]string{}
	for _, k := range list.Data {
		line := s.keyLine(v, list, k)
		if !d.All && !line.Works {
			continue
		}
		if line.Vendor, err = s.vendorOf(r.Context(), v, k.Vendor, vendors); err != nil {
			s.broken(w, r, v, err)
			return
		}
		d.Rows = append(d.Rows, line)
	}
	if len(list.Data) == access.MaxKeys {
		next := url.Values{"after": {list.Data[access.MaxKeys-1].ID.Text(id.Key)}}
		if d.All {
			next.Set("all", "1")
		}
		d.Next = "/keys?" + next.Encode()
	}
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, keysView(s.page(r, v, v.site.say.KeysTitle()), d))
}

func (s *Console) keyLine(v visit, list access.Keys, k access.Key) keyLine {
	t := v.site.say
	state := list.State(k, s.c.Now())
	l := keyLine{ID: k.ID.Text(id.Key), Name: cmp.Or(k.Name, t.KeysUnnamed()), Role: string(k.Role), Person: list.Owners[k.Answers].Email, Made: v.site.clock(k.CreatedAt),
		Ends: t.KeysNeverEnds(), Used: v.site.clock(k.UsedAt), From: k.From.List(), State: keyBadge(t, state), Works: state == access.KeyWorks || state == access.KeyStopped}
	if !k.ExpiresAt.IsZero() {
		l.Ends = v.site.clock(k.ExpiresAt)
	}
	return l
}

func keyBadge(t *words.Texts, state access.KeyState) badge {
	switch state {
	case access.KeyWorks:
		return badge{"✓", t.KeysWorks(), classOK}
	case access.KeyStopped:
		return badge{"■", t.KeysStopped(), classBad}
	case access.KeyExpired:
		return badge{"■", t.KeysExpired(), classOff}
	}
	return badge{"■", t.KeysRevoked(), classOff}
}

// createKey makes a key that belongs to the signed-in person, and shows it once.
func (s *Console) createKey(w http.ResponseWriter, r *http.Request, v visit) {
	d := keysPage{Name: strings.TrimSpace(r.PostFormValue("name")), From: strings.TrimSpace(r.PostFormValue("from")), Lasts: r.PostFormValue("lasts"), Create: roleOf(r)}
	made, before, err := s.makeKey(r, v, func(ctx context.Context) (access.MadeKey, error) {
		vendor, no, err := s.vendorNamed(ctx, v, d.Create.Vendor)
		if err != nil || no.Refused() {
			return access.MadeKey{Refusal: no}, err
		}
		n := access.NewKey{Role: access.Role(d.Create.Role), Name: d.Name, Vendor: vendor, From: networksOf(d.From)}
		if n.ExpiresAt, no = endOf(d.Lasts, s.c.Now()); no.Refused() {
			return access.MadeKey{Refusal: no}, nil
		}
		return s.c.Access.CreateAPIKey(ctx, v.by, n)
	})
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case before != id.ID{}:
		s.showKey(w, r, v, http.StatusConflict, before, keyPage{Error: v.site.say.Refusal(made.Refusal).Detail()})
	case made.Code == refusal.SignInAgain:
		s.refuse(w, r, v, made.Refusal)
	case made.Refused():
		d.Error = v.site.say.Refusal(made.Refusal).Detail()
		s.showKeys(w, r, v, http.StatusUnprocessableEntity, d)
	default:
		s.showSecret(w, r, v, made, "")
	}
}

// endOf reads a chosen length of a key's life: days such as 90d, or never for the zero time.
func endOf(lasts string, now time.Time) (time.Time, refusal.Refusal) {
	if lasts == "never" {
		return time.Time{}, refusal.Refusal{}
	}
	days, err := strconv.ParseUint(strings.TrimSuffix(lasts, "d"), 10, 10)
	if err != nil {
		return time.Time{}, refuse.KeyLifeUnknown(refusal.Echo(lasts))
	}
	return now.AddDate(0, 0, int(days)), refusal.Refusal{}
}

// networksOf splits what somebody typed as addresses and networks.
func networksOf(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ';' || c == ' ' || c == '\n' || c == '\r' || c == '\t' })
}

// makeKey carries out a form that makes a key. If the form was sent before, it makes no second key, and returns a refusal and the id of the key
// that was made then. The key itself is not stored, so nobody can show it again.
func (s *Console) makeKey(r *http.Request, v visit, do func(context.Context) (access.MadeKey, error)) (made access.MadeKey, before id.ID, err error) {
	form := r.PostFormValue("form")
	if !v.owns(form) {
		return access.MadeKey{Refusal: refuse.KeyFormOfOtherSession()}, before, nil
	}
	o := access.Once{Principal: v.by.String(), Key: form, Hash: sha256.Sum256([]byte("API key"))}
	kept, found, err := s.c.Forms.Claim(r.Context(), v.by.Tenant, o)
	if err != nil {
		return made, before, err
	}
	if found {
		if kept.Status != 0 {
			before, err = id.Parse(id.Key, string(kept.Body))
		}
		return access.MadeKey{Refusal: refuse.KeyFormSentBefore()}, before, err
	}
	made, err = do(r.Context())
	ctx := context.WithoutCancel(r.Context())
	var lost error
	if err == nil && !made.Refused() {
		lost = s.c.Forms.Keep(ctx, v.by.Tenant, o, http.StatusOK, []byte(made.Key.ID.Text(id.Key)))
	} else {
		lost = s.c.Forms.Drop(ctx, v.by.Tenant, o)
	}
	if lost != nil {
		s.c.Log.Warn("form not remembered", logkey.Err, lost)
	}
	return made, before, err
}

// showSecret answers a form that made a key. No other page shows the key again.
func (s *Console) showSecret(w http.ResponseWriter, r *http.Request, v visit, made access.MadeKey, old string) {
	list := access.Keys{Owners: map[id.ID]access.PersonRow{made.Owner.ID: made.Owner}}
	d := keySecret{keyLine: s.keyLine(v, list, made.Key), Secret: made.Secret.Reveal(), Old: old}
	var err error
	if d.Vendor, err = s.vendorOf(r.Context(), v, made.Key.Vendor, map[id.ID]string{}); err != nil {
		d.Vendor = made.Key.Vendor.Text(id.Vendor) // the key itself is shown in any case
	}
	s.show(w, r, http.StatusOK, secretView(s.page(r, v, v.site.say.KeysSecretTitle(d.Name)), d))
}
