package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/gsm/hook"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/notify"
)

// incoming is the body of a message that a customer sent.
type incoming struct {
	ID   string    `json:"id"` // the gateway's ID of the message, the same if it posts the message again
	From string    `json:"from"`
	To   string    `json:"to"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// report is the body of a delivery report.
type report struct {
	ID        string    `json:"id"`        // ID of the message, as the server posted it
	Reference string    `json:"reference"` // or the gateway's reference, from its answer
	State     string    `json:"state"`
	To        string    `json:"to"`
	Why       string    `json:"why"`
	At        time.Time `json:"at"`
}

// Incoming is the hook for messages.
func (c *Client) Incoming() http.Handler {
	return c.hook(ForMessage, func(ctx context.Context, body []byte) error {
		var m incoming
		if err := decode(body, &m); err != nil {
			return err
		}
		switch {
		case m.ID == "" || len(m.ID) > hook.MaxName:
			return errors.New("id is needed, at most 100 octets: it tells a repetition from a new message")
		case m.From == "" || len(m.From) > hook.MaxName || len(m.To) > hook.MaxName:
			return errors.New("from is needed; from and to have at most 100 octets")
		case m.Text == "" || len(m.Text) > hook.MaxIncoming:
			return errors.New("text is needed, at most 4096 octets")
		}
		return keep(c.cfg.Inbox.Receive(ctx, notify.Incoming{Route: c.cfg.Name, Identity: notify.IdentityOf("http", c.cfg.Name, m.ID),
			From: hook.Number(m.From), To: hook.Number(m.To), Text: m.Text, At: m.At}))
	})
}

// Reports is the hook for delivery reports.
func (c *Client) Reports() http.Handler {
	return c.hook(ForReport, func(ctx context.Context, body []byte) error {
		var r report
		if err := decode(body, &r); err != nil {
			return err
		}
		states := map[string]notify.ReportState{"trying": notify.Trying, "delivered": notify.Delivered, "failed": notify.Failed}
		state, ok := states[r.State]
		switch {
		case !ok:
			return errors.New("state must be trying, delivered or failed")
		case r.ID == "" && r.Reference == "":
			return errors.New("id or reference is needed")
		case len(r.ID) > hook.MaxName || len(r.Reference) > notify.MaxReference || len(r.To) > hook.MaxName:
			return errors.New("id, reference and to have at most 100 octets")
		}
		return keep(c.cfg.Inbox.Report(ctx, notify.Report{Route: c.cfg.Name, ID: r.ID, Reference: r.Reference, State: state, To: hook.Number(r.To),
			Why: hook.Clean(r.Why), At: r.At}))
	})
}

// errStore marks an error that is not the gateway's fault.
type errStore struct{ error }

func keep(err error) error {
	if err != nil {
		return errStore{err}
	}
	return nil
}

func decode(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return errors.New("the body is not the documented JSON: " + hook.Clean(err.Error()))
	}
	if d.More() {
		return errors.New("the body has more than one value")
	}
	return nil
}

// hook reads a body and checks its signature before anything else reads the body.
func (c *Client) hook(purpose string, take func(context.Context, []byte) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			c.refuse(w, http.StatusMethodNotAllowed, "call with POST")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, hook.MaxBody))
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			c.refuse(w, http.StatusRequestEntityTooLarge, "the body is longer than 64 KiB")
			return
		} else if err != nil {
			c.refuse(w, http.StatusBadRequest, "the body ended early")
			return
		}
		if why := c.suspicious(r.Header, purpose, body); why != "" {
			c.cfg.Log.Info("hook refused", logkey.Reason, why) // anybody can cause this
			c.refuse(w, http.StatusUnauthorized, why)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), takeLimit)
		defer cancel()
		switch err := take(ctx, body); {
		case errors.As(err, new(errStore)):
			if !access.ClientGone(r.Context(), err) { // the gateway calls again
				c.cfg.Log.Warn("message not stored", logkey.Err, err)
			}
			w.Header().Set("Retry-After", "10")
			c.refuse(w, http.StatusServiceUnavailable, "not stored; post it again")
		case err != nil:
			c.refuse(w, http.StatusUnprocessableEntity, err.Error()+"; nothing was done")
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
}

// suspicious returns the reason why a signature is not accepted. It checks the time last, so that a stranger learns nothing about the
// server's clock.
func (c *Client) suspicious(h http.Header, purpose string, body []byte) string {
	at := h.Get(HeaderTimestamp)
	if !hook.Same(h.Get(HeaderSignature), Sign(c.cfg.Secret, at, purpose, body)) {
		return "the signature is wrong"
	}
	n, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return "the timestamp is not a number"
	}
	if age := c.cfg.Now().Sub(time.Unix(n, 0)); age > Fresh || age < -Fresh {
		return "the timestamp is more than 5 minutes away from the server's time, " + c.cfg.Now().UTC().Format(time.RFC3339)
	}
	if !utf8.Valid(body) {
		return "the body is not UTF-8"
	}
	return ""
}

// problem is the body of a refusal.
type problem struct {
	Detail string `json:"detail"`
}

func (c *Client) refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem{why}) // the gateway has gone: there is nobody to report the error to
}
