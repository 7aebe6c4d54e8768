package console

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/web/guess"
)

// The second step of signing in is a code from an authenticator app. The first time, the person sets up the app.
//
//	password ──▶ /signin/app    (no second factor yet)  ──▶ code ──▶ recovery codes ──▶ the console
//	         └─▶ /signin/code   (second factor in use)  ──▶ code ──▶ the console

// factorSite is the name under which an authenticator app lists the codes.
const factorSite = "Paywatt"

// attempt describes an attempt to sign in to an account.
func (s *Console) attempt(r *http.Request, account string) guess.Attempt {
	return guess.Attempt{Account: account, From: guess.Household(address(r)), Browser: s.knownBrowser(r, account)}
}

func codeURL(step access.FactorStep, next string) string {
	at := "/signin/code"
	if step == access.StepSetUp {
		at = "/signin/app"
	}
	return at + "?" + url.Values{"next": {next}}.Encode()
}

// continueTo returns the page after signing in.
func continueTo(next string) string { return cmp.Or(next, "/") }

// codeForm is the page on which a code is typed.
type codeForm struct {
	Next, Error string
	Secret      string // the secret of a second factor that is being set up, in groups of four; empty otherwise
}

// waiting returns what the browser's session waits for, or leads to the sign-in page.
func (s *Console) waiting(w http.ResponseWriter, r *http.Request) (access.Waiting, bool) {
	v, err := s.c.Access.Waiting(r.Context(), s.c.Tenant, s.session(r))
	switch {
	case err != nil:
		s.broken(w, r, visit{}, err)
	case v.Refused():
		toSignIn(w, r)
	}
	return v, err == nil && !v.Refused()
}

func toSignIn(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/signin?"+url.Values{"next": {local(r.FormValue("next"))}}.Encode(), http.StatusSeeOther)
}

func (s *Console) codePage(w http.ResponseWriter, r *http.Request) {
	v, ok := s.waiting(w, r)
	if !ok {
		return
	}
	next := local(r.URL.Query().Get("next"))
	if v.Step == access.StepSetUp {
		http.Redirect(w, r, codeURL(v.Step, next), http.StatusSeeOther)
		return
	}
	s.showCode(w, r, http.StatusOK, codeForm{Next: next})
}

func (s *Console) showCode(w http.ResponseWriter, r *http.Request, status int, f codeForm) {
	s.show(w, r, status, codeView(s.page(r, visit{}, say(r.Context()).CodeTitle()), f))
}

// appPage shows the secret of a new second factor, for an authenticator app.
func (s *Console) appPage(w http.ResponseWriter, r *http.Request) {
	if f, ok := s.newFactor(w, r); ok {
		s.showCode(w, r, http.StatusOK, codeForm{Next: local(r.URL.Query().Get("next")), Secret: inFours(f.Secret.Reveal())})
	}
}

// appCode is the secret as a QR code.
func (s *Console) appCode(w http.ResponseWriter, r *http.Request) {
	f, ok := s.newFactor(w, r)
	if !ok {
		return
	}
	img, err := access.FactorQR(f.Secret, factorSite, f.Email)
	if err != nil {
		s.broken(w, r, visit{}, err)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(img)
}

// newFactor returns the second factor that the browser's session sets up, or leads to the sign-in page.
func (s *Console) newFactor(w http.ResponseWriter, r *http.Request) (access.NewFactorOf, bool) {
	f, err := s.c.Access.SetUpFactor(r.Context(), s.c.Tenant, s.session(r))
	switch {
	case err != nil:
		s.broken(w, r, visit{}, err)
	case f.Refused():
		toSignIn(w, r)
	}
	return f, err == nil && !f.Refused()
}

// code checks a typed code and completes the sign-in.
func (s *Console) code(w http.ResponseWriter, r *http.Request) {
	v, ok := s.waiting(w, r)
	if !ok {
		return
	}
	form := codeForm{Next: local(r.PostFormValue("next"))}
	attempt := s.attempt(r, v.Email)
	right, err := s.gate.Code(attempt)
	if err != nil {
		w.Header().Set("Retry-After", strconv.Itoa(int(guess.CodePause/time.Second)))
		s.askAgain(w, r, http.StatusTooManyRequests, form, v, refuse.CodeTriedTooOften())
		return
	}
	in, err := s.c.Access.Prove(r.Context(), s.c.Tenant, s.session(r), r.PostFormValue("code"), browserOf(r))
	switch {
	case err != nil:
		s.broken(w, r, visit{}, err)
	case in.Refused():
		s.askAgain(w, r, http.StatusUnprocessableEntity, form, v, in.Refusal)
	default:
		right()
		s.setCookie(w, r, in.Session.Reveal(), in.Expires)
		s.entered(w, r, attempt, form.Next, in.Recovery)
	}
}

// entered makes the browser known. It shows new recovery codes, or leads to the page that the person wanted.
func (s *Console) entered(w http.ResponseWriter, r *http.Request, a guess.Attempt, next string, recovery []access.Secret) {
	if a.Browser == "" {
		if err := s.knowBrowser(w, r, a.Account); err != nil {
			s.broken(w, r, visit{}, err)
			return
		}
	}
	if len(recovery) == 0 {
		http.Redirect(w, r, continueTo(next), http.StatusSeeOther)
		return
	}
	var codes []string
	for _, c := range recovery {
		codes = append(codes, c.Reveal())
	}
	s.show(w, r, http.StatusOK, recoveryView(s.page(r, visit{}, say(r.Context()).CodeRecoveryTitle()), codes, next))
}

// askAgain shows the form again after a refused code.
func (s *Console) askAgain(w http.ResponseWriter, r *http.Request, status int, form codeForm, v access.Waiting, no refusal.Refusal) {
	form.Error = say(r.Context()).Refusal(no).Detail()
	if v.Step == access.StepSetUp {
		f, ok := s.newFactor(w, r)
		if !ok {
			return
		}
		form.Secret = inFours(f.Secret.Reveal())
	}
	s.showCode(w, r, status, form)
}

// inFours groups a text into pieces of four characters, so that it is easy to type.
func inFours(text string) string {
	var out string
	for i := 0; i < len(text); i += 4 {
		if i > 0 {
			out += " "
		}
		out += text[i:min(i+4, len(text))]
	}
	return out
}
