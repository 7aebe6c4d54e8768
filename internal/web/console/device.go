package console

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/web/guess"
)

// A person who sells for a vendor can register the browser at the counter. The browser then has a cookie with the secret of a counter device,
// and the sign-in page asks for the person's PIN.

// deviceCookie returns the name of the cookie, with the prefix that the session cookie has.
func (s *Console) deviceCookie(r *http.Request) string {
	if s.secure(r) {
		return "__Host-paywatt_device"
	}
	return "paywatt_device"
}

func (s *Console) deviceSecret(r *http.Request) string {
	c, err := r.Cookie(s.deviceCookie(r))
	if err != nil {
		return ""
	}
	return c.Value
}

// setDevice gives the browser the secret of a device. An empty secret takes the cookie away.
func (s *Console) setDevice(w http.ResponseWriter, r *http.Request, secret string) {
	c := &http.Cookie{Name: s.deviceCookie(r), Value: secret, Path: "/", HttpOnly: true, Secure: s.secure(r), SameSite: http.SameSiteLaxMode,
		Expires: s.c.Now().Add(knownFor)}
	if secret == "" {
		c.MaxAge, c.Expires = -1, time.Unix(0, 0)
	}
	http.SetCookie(w, c)
}

// pinForm is the sign-in page of a browser that is a counter device.
type pinForm struct{ Email, Device, Next, Error, Notice string }

// pinPage shows the form for the PIN if the browser is a counter device. Otherwise it returns false, and the page asks for the password.
func (s *Console) pinPage(w http.ResponseWriter, r *http.Request, status int, f pinForm) bool {
	secret := s.deviceSecret(r)
	if secret == "" {
		return false
	}
	o, err := s.c.Access.DeviceOf(r.Context(), s.c.Tenant, secret)
	switch {
	case err != nil:
		s.broken(w, r, visit{}, err)
	case o.Refused():
		s.setDevice(w, r, "")
		return false
	default:
		f.Email, f.Device = o.Person.Email, o.Device.Name
		s.show(w, r, status, pinView(s.page(r, visit{}, say(r.Context()).SigninTitle()), f))
	}
	return true
}

// pin signs in with the PIN.
func (s *Console) pin(w http.ResponseWriter, r *http.Request) {
	t, next, secret := say(r.Context()), local(r.PostFormValue("next")), s.deviceSecret(r)
	again := func(status int, no refusal.Refusal) {
		text := t.Refusal(no).Detail()
		if !s.pinPage(w, r, status, pinForm{Next: next, Error: text}) {
			s.show(w, r, status, signInView(s.page(r, visit{}, t.SigninTitle()), signInForm{Next: next, Error: text}))
		}
	}
	o, err := s.c.Access.DeviceOf(r.Context(), s.c.Tenant, secret)
	if err != nil {
		s.broken(w, r, visit{}, err)
		return
	}
	if o.Refused() {
		again(http.StatusUnprocessableEntity, o.Refusal)
		return
	}
	// The device is a known browser: others who guess at its address do not slow it down, and its own wrong PINs are few.
	device := o.Device.ID.Text(id.Device)
	attempt := guess.Attempt{Account: device, From: guess.Household(address(r)), Browser: device}
	leave, ok := s.guarded(w, r, attempt, func() { again(http.StatusTooManyRequests, refuse.SigninTriedTooOften()) })
	if !ok {
		return
	}
	in, err := s.c.Access.SignInByPIN(r.Context(), s.c.Tenant, secret, r.PostFormValue("pin"), s.session(r), browserOf(r))
	leave(err == nil && !in.Refused())
	switch {
	case err != nil:
		s.broken(w, r, visit{}, err)
	case in.Refused():
		again(http.StatusUnprocessableEntity, in.Refusal)
	default:
		s.setCookie(w, r, in.Session.Reveal(), in.Expires)
		http.Redirect(w, r, continueTo(next), http.StatusSeeOther)
	}
}

// deviceLine is a counter device as pages show it.
type deviceLine struct{ ID, Name, Added, Used string }

// devicesOf lists the counter devices of a person.
func (s *Console) devicesOf(ctx context.Context, v visit, who string) (out []deviceLine, err error) {
	list, err := s.c.Access.Devices(ctx, v.by, who)
	for _, d := range list.Data {
		out = append(out, deviceLine{d.ID.Text(id.Device), d.Name, v.site.clock(d.CreatedAt), v.site.clock(d.UsedAt)})
	}
	return out, err
}

// registerDevice makes the browser a counter device of the visitor.
func (s *Console) registerDevice(w http.ResponseWriter, r *http.Request, v visit) {
	d := accountPage{Device: r.PostFormValue("device")}
	again := func(status int, no refusal.Refusal) {
		d.Error = v.site.say.Refusal(no).Detail()
		s.showAccount(w, r, v, status, d)
	}
	if !v.owns(r.PostFormValue("form")) {
		again(http.StatusUnprocessableEntity, refuse.PersonFormOfOtherSession())
		return
	}
	leave, ok := s.guarded(w, r, s.attempt(r, v.by.Name), func() { again(http.StatusTooManyRequests, refuse.SetupTriedTooOften()) })
	if !ok {
		return
	}
	done, err := s.c.Access.RegisterDevice(r.Context(), v.by, access.NewDevice{Name: d.Device, PIN: access.SecretOf(r.PostFormValue("pin"))})
	leave(true) // a refused device is no wrong password
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Refused():
		again(http.StatusUnprocessableEntity, done.Refusal)
	default:
		s.setDevice(w, r, done.Secret.Reveal())
		http.Redirect(w, r, "/account?done=device", http.StatusSeeOther)
	}
}

// revokeOwnDevice revokes a counter device of the visitor.
func (s *Console) revokeOwnDevice(w http.ResponseWriter, r *http.Request, v visit) {
	done, err := access.RevokedDevice{Refusal: refuse.PersonFormOfOtherSession()}, error(nil)
	if v.owns(r.PostFormValue("form")) {
		done, err = s.c.Access.RevokeDevice(r.Context(), v.by, v.by.ID.Text(id.Person), r.PathValue("device"))
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Refused():
		s.showAccount(w, r, v, http.StatusUnprocessableEntity, accountPage{Error: v.site.say.Refusal(done.Refusal).Detail()})
	default:
		http.Redirect(w, r, "/account?done=revoked", http.StatusSeeOther)
	}
}

// passwordPage is the address of the sign-in page that asks for the password even in a counter device.
func passwordPage(next string) string {
	return "/signin?" + url.Values{"password": {"1"}, "next": {next}}.Encode()
}
