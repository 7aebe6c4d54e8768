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
	"github.com/paywatt/paywatt/internal/catalogue"
	"github.com/paywatt/paywatt/internal/exit"
)

// defaultURL is the server's address if none is configured.
const defaultURL = "http://127.0.0.1:8080"

// serverURL returns the address of the server that commands ask.
func (c console) serverURL() string { return cmp.Or(c.getenv("PAYWATT_URL"), defaultURL) }

// connect makes the API client of the command line from PAYWATT_URL and PAYWATT_KEY.
func (c console) connect() (*client.Client, error) {
	url := c.serverURL()
	key := strings.TrimSpace(c.getenv("PAYWATT_KEY"))
	if key == "" {
		return nil, &exit.Failure{Code: exit.Usage, What: "No API key is set.", Not: "No request was sent.",
			Try: "Set PAYWATT_KEY to the key that paywatt apikey create prints, and PAYWATT_URL to the server's address."}
	}
	api, err := client.New(url, key, client.Config{UserAgent: "paywatt-cli"})
	if err != nil {
		return nil, &exit.Failure{Code: exit.Usage, What: "PAYWATT_URL is not the address of a server: " + url + ".", Not: "No request was sent.",
			Try: "Set it to an address such as " + defaultURL + "."}
	}
	return api, nil
}

// asking wraps the action of a command that needs the server. The wrapper connects to the server and runs the action. An error becomes an
// exit code (docs/reference/http.md#exit-codes) and a message: what happened, what did not happen, and what to do.
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
		return c.hinted(cmd, api, args, err)
	}
}

// hinted explains the error of a client. If a tariff was not found, it asks the server for the nearest name.
func (c console) hinted(cmd *cobra.Command, api *client.Client, args []string, err error) error {
	explained := explain(err)
	var p *client.Problem
	var f *exit.Failure
	if !errors.As(err, &p) || !errors.As(explained, &f) || p.Status >= 500 {
		return explained
	}
	name := ""
	if tariff := cmd.Flags().Lookup("tariff"); tariff != nil {
		name = tariff.Value.String()
	} else if cmd.HasParent() && cmd.Parent().Name() == "tariff" && len(args) > 0 {
		name = args[0]
	}
	if p.Code != "tariff-missing" && p.Code != "not-found" || name == "" {
		return explained
	}
	if near := nearest(name, c.asked(cmd.Context(), tariffNames, nil)); near != name {
		f.Try = didYouMean(near) + f.Try
	}
	return f
}

// showWaiting shows a request that waits for a second person. The request is the result of the command, although nothing was
// done yet.
func (c console) showWaiting(cmd *cobra.Command, a apiv1.Approval) error {
	c.tell("The request waits for a second person. No changes were made yet. To approve it before %s: paywatt approval approve %s", timeText(&a.ExpiresAt), a.ID)
	return c.show(cmd, a, fields("waits for a second person", a.ID, "action", a.Act, "summary", a.Summary, "expires", timeText(&a.ExpiresAt)))
}

// explain turns an error of the client into a failure; any other error stays as it is.
func explain(err error) error {
	var open *client.Unresolved
	var p *client.Problem
	switch {
	case err == nil:
		return nil
	case errors.As(err, &open) && open.ClientRef == "":
		return &exit.Failure{Code: exit.Failed, What: "The server did not report the result of the request: " + reason(open.Err),
			Not: "The request may have been carried out. It will not be carried out twice.",
			Try: "Repeat the command with --key " + open.IdempotencyKey + ". It then shows the result, or carries the request out once."}
	case errors.As(err, &open):
		return &exit.Failure{Code: exit.Failed, What: "The server did not report the result of the sale: " + reason(open.Err),
			Not: "The sale may have been made. Do not start a new one.",
			Try: "Repeat the command with --client-ref " + open.ClientRef + ". It then shows this sale, or makes it once."}
	case errors.As(err, &p):
		return problemFailure(p)
	case errors.Is(err, client.ErrUnreachable):
		return &exit.Failure{Code: exit.Unreachable, What: "The server cannot be reached: " + reason(err), Not: "The server did not get the request. No changes were made.",
			Try: "Check that paywatt serve runs and that PAYWATT_URL names its address."}
	case errors.Is(err, client.ErrNoAnswer):
		return &exit.Failure{Code: exit.Unreachable, What: "The server did not answer: " + reason(err), Not: "The command may have been carried out.",
			Try: "Check with a list or show command before you repeat it."}
	}
	return err
}

// reason returns the part of an error that helps a person: for a network error, the message of the network.
func reason(err error) string {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		err = op
	}
	if err == nil {
		return "no reason was given."
	}
	return strings.TrimSuffix(err.Error(), ".") + "."
}

// problemFailure writes the server's refusal in the form of any other failure: what happened, what did not happen, what to
// do. The code and the request come last, so that they can be found in the server's log.
func problemFailure(p *client.Problem) *exit.Failure {
	f := &exit.Failure{Code: exitOf(p)}
	f.What, f.Not, f.Try = refusalLines(p.Detail)
	if f.What == "" {
		f.What = fmt.Sprintf("The server answered %d %s.", p.Status, p.Title)
	}
	moved := map[apiv1.MoneyMoved]string{apiv1.MoneyMovedYes: "Money moved.", apiv1.MoneyMovedUnknown: "It is not known whether money moved."}[p.MoneyMoved]
	switch {
	case p.MoneyMoved == apiv1.MoneyMovedNo && !strings.Contains(f.Not, "money"):
		moved = "No money moved."
	case f.Not == "" && (p.Status == 401 || p.Status == 403 || p.Status == 404):
		moved = "No changes were made."
	case strings.Contains(f.Not, moved):
		moved = ""
	}
	f.Not = strings.TrimSpace(f.Not + " " + moved)
	request := ""
	if p.RequestID != "" {
		request = ", request " + p.RequestID
	}
	f.Try = strings.TrimSpace(fmt.Sprintf("%s Code %s%s.", f.Try, cmp.Or(p.Code, "none"), request))
	return f
}

// refusalLines splits the detail of a refusal. The server joins three texts of the catalogue: what happened, what did not happen, and what
// to do. refusalLines looks for the second text and splits the detail before and after it. If there is no second text, it looks for the
// third text and splits the detail before it. A detail with texts that this program does not know, such as those of a newer server, stays
// one line.
func refusalLines(detail string) (what, not, try string) {
	texts, err := catalogue.Read(catalogue.English, "refusals")
	if err != nil {
		return detail, "", ""
	}
	what = detail
	for _, section := range texts.Sections {
		for _, text := range section.Texts {
			before, after, found := strings.Cut(detail, " "+text.Say)
			switch {
			case !found || text.Say == "" || after != "" && after[0] != ' ':
			case text.Name == "not" && len(text.Say) > len(not):
				what, not, try = before, text.Say, strings.TrimSpace(after)
			case text.Name == "try" && after == "" && not == "" && len(text.Say) > len(try):
				what, try = before, text.Say
			}
		}
	}
	return what, not, try
}

// exitOf is the exit code of a problem: 2 the request cannot be read, 3 not found, 4 refused by a rule, 1 failed.
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
