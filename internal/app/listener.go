package app

import (
	"errors"
	"fmt"
	"net"

	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/listen"
)

// ListenError says which listener could not be opened.
type ListenError struct {
	Setting string // the setting that names the address, such as config.MQTT
	Address string
	Err     error

	purpose string // for whom the listener is
}

// Error says for whom the listener is, and why it could not be opened.
func (e *ListenError) Error() string { return fmt.Sprintf("listen for %s: %s", e.purpose, e.Err) }

// Unwrap returns the error of the operating system.
func (e *ListenError) Unwrap() error { return e.Err }

// listenFor opens one listener of the server, whose connections belong to a crowd of strangers until they sign in.
func listenFor(crowd *listen.Crowd, setting, address, purpose string) (net.Listener, error) {
	l, err := listenOn(setting, address, purpose)
	if err != nil {
		return nil, err
	}
	return crowd.Listener(l), nil
}

// crowd makes a crowd of strangers.
func (a *App) crowd(purpose string, limits listen.Limits) *listen.Crowd {
	return listen.New(purpose, limits, a.network().Trusts, a.log)
}

// listenOn opens one socket.
func listenOn(setting, address, purpose string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, &ListenError{Setting: setting, Address: address, Err: err, purpose: purpose}
	}
	return l, nil
}

// CheckListeners opens every listener of the settings except that of HTTP, and closes it again. It returns the first error.
func CheckListeners(set config.Config) error {
	want := []struct{ setting, address, purpose string }{
		{config.Metrics, set.Text(config.Metrics), "metrics"}, {config.MQTT, set.Text(config.MQTT), "meters"},
		{config.MQTTDevices, set.Text(config.MQTTDevices), "devices"}, {config.MQTTIntegration, set.Text(config.MQTTIntegration), "integrations"},
	}
	for _, l := range set.Legacy() {
		want = append(want, struct{ setting, address, purpose string }{config.MQTTLegacy, l.Address, "the device of meter " + l.Meter})
	}
	for _, w := range want {
		if w.address == "" {
			continue
		}
		l, err := listenOn(w.setting, w.address, w.purpose)
		if err == nil {
			err = l.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ErrCertificate is wrapped by errors of reading the certificate and its key.
var ErrCertificate = errors.New("the certificate cannot be used")

// CheckCertificate reads a certificate and its key, and the files of the meters' authority if there is one, as the server of a data folder
// does when it starts.
func CheckCertificate(data, certFile, keyFile, caFile, revokedFile string) error {
	_, err := CertificateEnds(data, certFile, keyFile, caFile, revokedFile)
	return err
}
