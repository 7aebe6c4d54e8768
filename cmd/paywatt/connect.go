package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/exit"
)

// defaultURL is where a server listens that was told nothing.
const defaultURL = "http://127.0.0.1:8080"

// connect makes the API client of the command line from PAYWATT_URL and PAYWATT_KEY.
func (c console) connect() (*client.Client, error) {
	url := cmp.Or(c.getenv("PAYWATT_URL"), defaultURL)
	key := strings.TrimSpace(c.getenv("PAYWATT_KEY"))
	if key == "" {
		return nil, &exit.Failure{Code: exit.Usage, What: "No API key is set.", Not: "The server was not asked.",
			Try: "Set PAYWATT_KEY to the key that paywatt apikey create prints, and PAYWATT_URL to the server's address."}
	}
	api, err := client.New(url, key, client.Config{UserAgent: "paywatt-cli"})
	if err != nil {
		return nil, &exit.Failure{Code: exit.Usage, What: "PAYWATT_URL is no address of a server: " + url, Try: "Set it to something like " + defaultURL + "."}
	}
	return api, nil
}

// asking wraps the action of a command that needs the server: it connects, acts, and turns what went wrong into the
// three lines and an exit code (docs/reference/http.md#exit-codes).
func (c console) asking(act func(cmd *cobra.Command, api *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		api, err := c.connect()
		if err != nil {
			return err
		}
		err = act(cmd, api, args)
		if w := (*client.Waiting)(nil); errors.As(err, &w) {
			return c.showWaiting(cmd, w.Approval)
		}
		return explain(err)
	}
}

// showWaiting shows an act that was taken down for a second person: the result of the command, though nothing was done.
func (c console) showWaiting(cmd *cobra.Command, a apiv1.Approval) error {
	c.tell("Nothing was done yet. Somebody else allows it with paywatt approval approve %s, until %s.", a.ID, timeText(&a.ExpiresAt))
	return c.show(cmd, a, fields("waits for a second person", a.ID, "act", a.Act, "what", a.Summary, "expires", timeText(&a.ExpiresAt)))
}

// explain turns an error of the client into a failure; any other error stays as it is.
func explain(err error) error {
	var open *client.Unresolved
	var p *client.Problem
	switch {
	case err == nil:
		return nil
	case errors.As(err, &open) && open.ClientRef == "":
		return &exit.Failure{Code: exit.Failed, What: "The server did not say what became of the request: " + reason(open.Err),
			Not: "It may have been carried out or not.",
			Try: "Repeat the command with --key " + open.IdempotencyKey + ": it then shows what was done or does it, never twice."}
	case errors.As(err, &open):
		return &exit.Failure{Code: exit.Failed, What: "The server did not say what became of the sale: " + reason(open.Err),
			Not: "It may have been made or not; do not start a new one.",
			Try: "Repeat the command with --client-ref " + open.ClientRef + ": it then shows this sale or makes it, never a second one."}
	case errors.As(err, &p):
		return problemFailure(p)
	case errors.Is(err, client.ErrUnreachable):
		return &exit.Failure{Code: exit.Unreachable, What: "The server cannot be reached: " + reason(err), Not: "It was not asked and nothing was changed.",
			Try: "Check that paywatt serve runs and that PAYWATT_URL names its address."}
	case errors.Is(err, client.ErrNoAnswer):
		return &exit.Failure{Code: exit.Unreachable, What: "The server gave no answer: " + reason(err), Not: "Whether it acted is not known.",
			Try: "Look with a list or show command before you ask again."}
	}
	return err
}

// reason is the part of an error that a person can use: what the network said, where it is the network's.
func reason(err error) string {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		err = op
	}
	if err == nil {
		return "no reason given."
	}
	return strings.TrimSuffix(err.Error(), ".") + "."
}

func problemFailure(p *client.Problem) *exit.Failure {
	f := &exit.Failure{Code: exitOf(p), What: p.Detail}
	if f.What == "" {
		f.What = fmt.Sprintf("The server answered %d %s.", p.Status, p.Title)
	}
	switch p.MoneyMoved {
	case apiv1.MoneyMovedNo:
		f.Not = "No money moved."
	case apiv1.MoneyMovedYes:
		f.Not = "Money moved."
	case apiv1.MoneyMovedUnknown:
		f.Not = "Whether money moved is not known."
	}
	f.Try = "Code " + p.Code
	if p.RequestID != "" {
		f.Try += ", request " + p.RequestID
	}
	f.Try += "."
	return f
}

// exitOf is the exit code of a problem: 2 what was asked cannot be read, 3 not found, 4 refused by a rule, 1 failed.
func exitOf(p *client.Problem) int {
	switch {
	case p.Code == "keystore-locked":
		return exit.Refused
	case p.Status >= 500:
		return exit.Failed
	case p.Status == 404:
		return exit.NotFound
	case p.Status == 400, p.Status == 405, p.Status == 413, p.Status == 415:
		return exit.Usage
	}
	return exit.Refused
}
