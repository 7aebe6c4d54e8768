package api_test

import (
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
)

// Confirming a person and confirming a telephone number also take a second person, and are no requests: nothing waits, and nobody asks for them. So what
// the second person sees is another page.

// joins invites a person, who then sets a password, and returns the id.
func (c *clerk) joins(email, role string) string {
	c.t.Helper()
	invited := decode[struct {
		ID  string
		URL string `json:"invite_url"`
	}](c.t, c.do(201, "POST", "/v1/people", fmt.Sprintf(`{"email":%q,"name":"Wanjiku Maina","role":%q}`, email, role)))
	made, err := c.people.Accept(c.t.Context(), store.FirstTenant, strings.TrimPrefix(invited.URL, "/invite/"), access.SecretOf("several plain words"), "")
	if err != nil || made.Refused() {
		c.t.Fatal(made.Refusal, err)
	}
	return invited.ID
}

// confirms looks at the pages of what waits for a confirmation: of a person, and of a customer's new telephone number.
func (e *eyes) confirms(customer string) {
	c := e.c
	c.t.Helper()
	const means = "Confirm only after you have seen this person sign in."
	e.read(pictureOf("person-confirm", "honest"), "/people/"+c.joins("wanjiku@example.org", "operator"), onlyPerson, means)
	e.read(pictureOf("person-confirm", "forged"), "/people/"+c.joins("wanjiku.maina@example.com", "owner"), onlyPerson, means)
	c.do(200, "POST", "/v1/customers/"+customer, `{"phone":"+254733000777"}`)
	e.read(pictureOf("customer-confirm-phone", "waits"), "/audit?object="+customer, onlyRows, "customer.change")
}
