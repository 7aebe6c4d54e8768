package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/gsm"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

func newModemSend(c console) *cobra.Command {
	var o modemPort
	var wait, report time.Duration
	cmd := &cobra.Command{
		Use:   "send TO TEXT",
		Short: "Send a message through a modem",
		Long: "Send a message through a modem and print the result. The network accepted it (exit code 0) or refused it (exit code 4), or the\n" +
			"modem did not send it (exit code 5). If the modem's answer was lost, the result is unknown (exit code 1): sending the\n" +
			"message again may send it twice.",
		Example: "  paywatt modem send +255711000001 \"*02#12345678901234567890\" --port /dev/ttyUSB0 --report 60s",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			box := &printer{c: c, cmd: cmd, seen: map[pdu.Identity]bool{}, reports: make(chan gsm.Report, pdu.MaxParts)}
			m, err := o.open(c, reportsOnly{box}, nil)
			if err != nil {
				return err
			}
			return runModem(cmd.Context(), m, func(ctx context.Context) error {
				return sendThrough(ctx, cmd, c, m, box, gsm.Outgoing{ID: "cli", To: args[0], Text: args[1], Report: report > 0}, wait, report)
			})
		},
	}
	o.flags(cmd)
	cmd.Flags().DurationVar(&wait, "wait", 60*time.Second, "longest time to wait for the modem and the network to be ready")
	cmd.Flags().DurationVar(&report, "report", 0, "longest time to wait for a delivery report, such as 60s (default: ask for none)")
	return cmd
}

// reportsOnly leaves messages in the modem, because a command that sends must not take messages away from a
// command that reads.
type reportsOnly struct{ *printer }

// Receive leaves the message in the modem.
func (reportsOnly) Receive(context.Context, gsm.Message) error { return errKept }

// sentLine is the result that modem send prints.
type sentLine struct {
	Outcome    string `json:"outcome"`
	Parts      int    `json:"parts"`
	References []int  `json:"references"`
	Why        string `json:"why,omitempty"`
	State      string `json:"state,omitempty"`
}

func sendThrough(ctx context.Context, cmd *cobra.Command, c console, m *gsm.Modem, box *printer, out gsm.Outgoing, wait, report time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	sent := m.Send(limited, out)
	line := sentLine{Outcome: sent.Outcome.String(), Parts: len(sent.Parts), References: []int{}, Why: sent.Why}
	for _, p := range sent.Parts {
		line.References = append(line.References, int(p.Reference))
	}
	switch sent.Outcome {
	case gsm.Refused:
		return &exit.Failure{Code: exit.Refused, What: "The message was refused: " + sent.Why + ".", Not: "It was not sent.", Try: "Change the number or the text. The same message will be refused again."}
	case gsm.NotSent:
		s := m.State()
		return &exit.Failure{Code: exit.Unreachable, What: strings.TrimSpace(fmt.Sprintf("The modem could not send the message: %s. The modem is %s. %s", sent.Why, s.Phase, s.Problem)), Not: "The message was not sent.",
			Try: "Check the modem, its SIM and its network, then try again."}
	case gsm.Unknown:
		return &exit.Failure{Code: exit.Failed, What: "The answer of the modem was lost: " + sent.Why + ".", Not: "The message may have been sent.", Try: "Ask the recipient before you send it again."}
	}
	if report > 0 {
		line.State = waitReports(ctx, box.reports, len(sent.Parts), report)
	}
	return c.show(cmd, line, fields("outcome", line.Outcome, "parts", fmt.Sprint(line.Parts), "references", fmt.Sprint(line.References), "state", line.State))
}

// waitReports waits for the final report of every part and combines them.
func waitReports(ctx context.Context, reports <-chan gsm.Report, parts int, limit time.Duration) string {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errors.New("no report"))
	defer cancel()
	for done := map[int]bool{}; len(done) < parts; {
		select {
		case r := <-reports:
			if r.Status.Failed() {
				return r.Status.String()
			}
			if r.Status.Delivered() && r.ID != "" {
				done[r.Part] = true
			}
		case <-ctx.Done():
			return "no report yet"
		}
	}
	return "delivered"
}
