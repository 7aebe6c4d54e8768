package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/app/apptest"
)

// features are what the program that the rogue plays against can do. They are found out by asking it, because E2E_ROGUE_BIN may be of any earlier
// version.
type features struct {
	old     bool // it is another program than that of this source
	people  bool // people sign in, and an API key belongs to one of them
	devices bool // one listener is for many unmodified devices
	routes  bool // the settings file names routes of text messages
	public  bool // the settings name the address under which others reach the server
}

func featuresOf(t *testing.T, p *place) features {
	t.Helper()
	if os.Getenv("E2E_ROGUE_BIN") == "" {
		return features{people: true, devices: true, routes: true, public: true}
	}
	serve, _, _ := p.try("", "serve", "--help")
	_, _, people := p.try("", "person", "invite", "--help")
	_, _, routes := p.try("", "message", "list", "--help")
	return features{old: true, people: people == 0, routes: routes == 0, devices: strings.Contains(serve, "--mqtt-devices"),
		public: strings.Contains(serve, "--public-url")}
}

// invite makes a confirmed person without knowing how the program stores one: by an invitation, which the person accepts in a browser.
func (s *site) invite(email, role string) (err error) {
	c, err := client.New(s.url, s.inviter, client.Config{})
	if err != nil {
		return err
	}
	who, err := c.Invite(s.t.Context(), apiv1.NewPerson{Email: email, Role: role})
	if err != nil {
		return err
	}
	resp, err := s.newBrowser().PostForm(s.url+who.InviteURL, url.Values{"password": {apptest.Password}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s cannot accept the invitation: %s", email, resp.Status)
	}
	if _, errOut, code := s.p.try("", "person", "confirm", email, "--data", s.p.dir); code != 0 {
		return fmt.Errorf("person confirm: exit %d: %s", code, errOut)
	}
	return nil
}

// newBrowser returns a browser at an address that nobody else uses: a server lets few passwords be set from one address in a minute.
func (s *site) newBrowser() *http.Client {
	s.browsers++
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, s.browsers)}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
}
