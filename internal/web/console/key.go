package console

import (
	"context"
	"net/http"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/words"
)

// What the forms of a key's page do.
const (
	actReplace = "replace"
	actRevoke  = "revoke"
)

// keyID reads the id of the key in the address.
func keyID(r *http.Request) (id.ID, refusal.Refusal) {
	key, err := id.Parse(id.Key, r.PathValue("id"))
	if err != nil {
		return key, refuse.KeyNotFound(refusal.Echo(r.PathValue("id")))
	}
	return key, refusal.Refusal{}
}

// key shows one key.
func (s *Console) key(w http.ResponseWriter, r *http.Request, v visit) {
	key, no := keyID(r)
	if no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	s.showKey(w, r, v, http.StatusOK, key, keyPage{})
}

// showKey shows a key; f holds what the answer to a form says.
func (s *Console) showKey(w http.ResponseWriter, r *http.Request, v visit, status int, key id.ID, f keyPage) {
	list, err := s.c.Access.APIKey(r.Context(), v.by, key)
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	k := list.Data[0]
	f.keyLine = s.keyLine(v, list, k)
	f.Own = k.Answers == access.Self(v.by)
	if f.Overlap == "" {
		f.Overlap = "24h"
	}
	if f.Vendor, err = s.vendorOf(r.Context(), v, k.Vendor, map[id.ID]string{}); err == nil {
		f.FormID, err = s.formID(v)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, keyView(s.page(r, v, v.site.say.KeysTitleOf(f.Name)), f))
}

// changeKey replaces or revokes a key. The use case checks the right, the person and the proof of identity.
func (s *Console) changeKey(w http.ResponseWriter, r *http.Request, v visit) {
	key, no := keyID(r)
	if no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	if r.PostFormValue("act") == actReplace {
		s.replaceKey(w, r, v, key)
		return
	}
	var out access.RevokedKey
	var err error
	switch {
	case !v.owns(r.PostFormValue("form")) || r.PostFormValue("act") != actRevoke:
		out.Refusal = refuse.KeyFormOfOtherSession()
	case r.PostFormValue("sure") == "":
		out.Refusal = refuse.KeyEndUnconfirmed(key.Text(id.Key))
	default:
		out, err = s.c.Access.RevokeAPIKey(r.Context(), v.by, key)
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case out.Code == refusal.SignInAgain:
		s.refuse(w, r, v, out.Refusal)
	case out.Refused():
		s.showKey(w, r, v, http.StatusUnprocessableEntity, key, keyPage{Error: v.site.say.Refusal(out.Refusal).Detail()})
	default:
		s.showKey(w, r, v, http.StatusOK, key, keyPage{Notice: v.site.say.KeysRevokedNow()})
	}
}

// replaceKey makes a key like an old one, which goes on working for the chosen time, and shows the new key once.
func (s *Console) replaceKey(w http.ResponseWriter, r *http.Request, v visit, key id.ID) {
	t, f := v.site.say, keyPage{Overlap: r.PostFormValue("overlap")}
	overlap, unread := time.ParseDuration(f.Overlap)
	if unread != nil {
		overlap = -1 // which the use case refuses
	}
	made, before, err := s.makeKey(r, v, func(ctx context.Context) (access.MadeKey, error) {
		return s.c.Access.RotateAPIKey(ctx, v.by, key, overlap)
	})
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case before != id.ID{}:
		s.showKey(w, r, v, http.StatusConflict, before, keyPage{Error: t.Refusal(made.Refusal).Detail()})
	case made.Code == refusal.SignInAgain:
		s.refuse(w, r, v, made.Refusal)
	case made.Refused():
		f.Error = t.Refusal(made.Refusal).Detail()
		s.showKey(w, r, v, http.StatusUnprocessableEntity, key, f)
	case overlap == 0:
		s.showSecret(w, r, v, made, t.KeysOldEnded())
	default:
		old := f.Overlap
		for _, c := range overlaps(t) {
			if c.value == f.Overlap {
				old = c.label
			}
		}
		s.showSecret(w, r, v, made, t.KeysOldWorks(old))
	}
}

// lives are the lengths of a key's life to choose from.
func lives(t *words.Texts) []choice {
	return []choice{{"7d", t.KeysLasts7d()}, {"30d", t.KeysLasts30d()}, {"90d", t.KeysLasts90d()}, {"365d", t.KeysLasts365d()}, {"never", t.KeysLastsNever()}}
}

// overlaps are the times to choose from for which a replaced key goes on working.
func overlaps(t *words.Texts) []choice {
	return []choice{{"0", t.KeysOverlap0()}, {"1h", t.KeysOverlap1h()}, {"24h", t.KeysOverlap24h()}, {"168h", t.KeysOverlap168h()}, {"720h", t.KeysOverlap720h()}}
}
