package app

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/gsm/gateway"
	"github.com/paywatt/paywatt/internal/gsm/kannel"
	"github.com/paywatt/paywatt/internal/gsm/smpp"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/notify"
)

// openKannel makes the route of a Kannel gateway.
func (a *App) openKannel(c config.Route, in notify.Inbox) (messageRoute, error) {
	password, err1 := secretOf(c.Keys["password_file"])
	secret, err2 := secretOf(c.Keys["hook_secret_file"])
	plain, err3 := truth(c, "plain_http")
	if err := cmp.Or(err1, err2, err3); err != nil {
		return messageRoute{}, err
	}
	r, err := kannel.New(kannel.Config{Name: c.Name, URL: c.Keys["url"], Username: c.Keys["user"], Password: password, SMSC: c.Keys["smsc"], From: c.Keys["from"],
		Callback: c.Keys["callback"], Secret: secret, PlainHTTP: plain, Inbox: in, Log: a.log.With(logkey.Route, c.Name)})
	if err != nil {
		return messageRoute{}, err
	}
	return messageRoute{Route: r, in: r.Incoming(), report: r.Reports()}, nil
}

// openGateway makes the route of a gateway that speaks HTTP.
func (a *App) openGateway(c config.Route, in notify.Inbox) (messageRoute, error) {
	secret, err1 := secretOf(c.Keys["secret_file"])
	plain, err2 := truth(c, "plain_http")
	if err := cmp.Or(err1, err2); err != nil {
		return messageRoute{}, err
	}
	r, err := gateway.New(gateway.Config{Name: c.Name, URL: c.Keys["url"], Secret: secret, From: c.Keys["from"], PlainHTTP: plain, Inbox: in,
		Log: a.log.With(logkey.Route, c.Name), Now: a.c.Now})
	if err != nil {
		return messageRoute{}, err
	}
	return messageRoute{Route: r, in: r.Incoming(), report: r.Reports()}, nil
}

// openSMPP makes the route of a message centre.
func (a *App) openSMPP(c config.Route, in notify.Inbox) (messageRoute, error) {
	password, err := secretOf(c.Keys["password_file"])
	if err != nil {
		return messageRoute{}, err
	}
	conf := smpp.Config{Name: c.Name, SystemID: c.Keys["system_id"], Password: password, SystemType: c.Keys["system_type"], Range: c.Keys["range"],
		Source: c.Keys["source"], Alphabet: smpp.Alphabet(c.Keys["alphabet"]), MessageIDs: smpp.MessageIDs(c.Keys["message_ids"]), Inbox: in,
		Log: a.log.With(logkey.Route, c.Name), Now: a.c.Now}
	encrypted := false
	for key, to := range map[string]*bool{"tls": &encrypted, "pair": &conf.Pair, "payload": &conf.Payload} {
		if *to, err = truth(c, key); err != nil {
			return messageRoute{}, err
		}
	}
	for key, to := range map[string]*time.Duration{"enquire": &conf.Enquire, "timeout": &conf.Timeout} {
		if text := c.Keys[key]; text != "" {
			if *to, err = time.ParseDuration(text); err != nil || *to <= 0 {
				return messageRoute{}, fmt.Errorf("%s is %q, want a duration such as 30s", key, text)
			}
		}
	}
	if text := c.Keys["window"]; text != "" {
		if conf.Window, err = strconv.Atoi(text); err != nil {
			return messageRoute{}, fmt.Errorf("window is %q, want a number", text)
		}
	}
	var secure *tls.Config
	if encrypted {
		secure = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	conf.Dial = smpp.Dial(c.Keys["address"], secure)
	r, err := smpp.New(conf)
	if err != nil {
		return messageRoute{}, err
	}
	return messageRoute{Route: r, run: r.Run}, nil
}

// truth reads a boolean key; a missing key is false.
func truth(c config.Route, key string) (bool, error) {
	switch c.Keys[key] {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, fmt.Errorf("%s is %q, want true or false", key, c.Keys[key])
}

// hooks are the routes where gateways deliver messages and reports. Each authenticates its caller.
func (a *App) hooks() http.Handler {
	mux := http.NewServeMux()
	for _, r := range a.routes {
		if r.in != nil {
			mux.Handle("/hooks/sms/"+r.Name()+"/in", r.in)
		}
		if r.report != nil {
			mux.Handle("/hooks/sms/"+r.Name()+"/report", r.report)
		}
	}
	return mux
}
