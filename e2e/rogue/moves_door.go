package rogue

import (
	"fmt"
	"math/rand/v2"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
)

// doorMoves are what P does on the console's pages with P's own password, because the API has nothing like it.
func doorMoves() []move {
	return []move{{"print cards for the doors of others", 1, func(r *Run, _ *rand.Rand) { r.doors() }}}
}

// formPages are pages of the console whose forms belong to the session and not to the page. Each role but the auditor's finds a form on one of them.
func formPages() []string {
	return []string{"/flats", "/meters/new", "/vouchers", "/tariffs", "/settings", "/tills"}
}

// doors asks once in a history for cards with links to the pages on which anybody pays for the meters of others, with any form that P finds.
func (r *Run) doors() {
	email, password := r.t.site.Login(r.p())
	if email == "" || r.err != nil || r.printed {
		return
	}
	r.printed = true
	var err error
	b := &browser{url: r.c.url, now: r.now, email: email, password: password}
	b.http.Jar, err = cookiejar.New(nil)
	b.signIn(&err)
	form := ""
	for _, page := range formPages() {
		if form == "" {
			form = b.form(&err, page)
		}
	}
	got := b.send(&err, "POST", "/flats/doors", url.Values{"form": {form}})
	if err != nil {
		r.fail(fmt.Errorf("print cards as %s: %w", email, err))
		return
	}
	cards := strings.HasPrefix(got, "%PDF")
	r.asked++
	r.may[r.move] = r.may[r.move] || cards
	r.log = append(r.log, fmt.Sprintf("%-14s POST /flats/doors → cards: %t", r.p(), cards))
	if cards && !maySend(r.role) {
		r.gained = append(r.gained, r.p()+" got links to the pages of others, and may send no messages")
	}
}

// maySend reports whether a role may send messages to customers, and so links to their pages.
func maySend(role string) bool {
	return slices.Contains([]string{"owner", "supervisor", "engineer", "operator", "support"}, role)
}
