package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/paywatt/paywatt/wire"
)

// Times of an MQTT connection.
const (
	connectTimeout = 5 * time.Second
	writeTimeout   = 10 * time.Second
	keepAlive      = 30 * time.Second
	pingTimeout    = 10 * time.Second
	// closeMillis is how long paho may take to disconnect.
	closeMillis = 250
)

// defaultPort is the standard port of MQTT.
const defaultPort = "1883"

// ErrBroker is returned for an address that is neither host:port nor mqtt://host:port.
var ErrBroker = errors.New("want mqtt://host:port or host:port")

// ParseBroker parses a server address as --mqtt accepts it and returns host:port.
func ParseBroker(text string) (string, error) {
	address := text
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		if u.Scheme != "mqtt" && u.Scheme != "tcp" || u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
			return "", fmt.Errorf("%w: %q", ErrBroker, text)
		}
		address = u.Host
		if u.Port() == "" {
			address = net.JoinHostPort(u.Hostname(), defaultPort)
		}
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" || strings.Contains(port, "/") {
		return "", fmt.Errorf("%w: %q", ErrBroker, text)
	}
	return net.JoinHostPort(host, port), nil
}

// Password is a meter's MQTT password. It has no printable form.
type Password string

// Format masks the password for every verb.
func (Password) Format(w fmt.State, _ rune) { fmt.Fprint(w, "(password)") }

// MQTT returns a Dial for a broker at host:port. The meter number is both the user name and the client id.
func MQTT(address, number string, password Password) Dial {
	return func(ctx context.Context, onMessage func(string, []byte), onLost func(error)) (Session, error) {
		o := mqtt.NewClientOptions().
			AddBroker("tcp://" + address).
			SetClientID(number).
			SetUsername(number).
			SetPassword(string(password)).
			SetProtocolVersion(4). // 3.1.1
			SetCleanSession(true). // only the outboxes on both sides are durable, not the session
			SetAutoReconnect(false).
			SetConnectRetry(false).
			SetOrderMatters(true).
			SetConnectTimeout(connectTimeout).
			SetWriteTimeout(writeTimeout).
			SetKeepAlive(keepAlive).
			SetPingTimeout(pingTimeout).
			SetConnectionLostHandler(func(_ mqtt.Client, err error) { onLost(err) }).
			SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { onMessage(m.Topic(), m.Payload()) })
		client := mqtt.NewClient(o)
		if err := finish(ctx, client.Connect()); err != nil {
			client.Disconnect(0)
			return nil, fmt.Errorf("connect to %s: %w", address, err)
		}
		// Messages of this subscription go to the default handler.
		if err := subscribe(ctx, client, wire.DownFilter(number)); err != nil {
			client.Disconnect(closeMillis)
			return nil, fmt.Errorf("subscribe at %s: %w", address, err)
		}
		return mqttSession{client: client}, nil
	}
}

// refused is the return code of a rejected subscription (MQTT 3.1.1, section 3.9.3). paho does not treat it as an
// error.
const refused = 0x80

func subscribe(ctx context.Context, client mqtt.Client, filter string) error {
	t := client.Subscribe(filter, 1, nil)
	if err := finish(ctx, t); err != nil {
		return err
	}
	if granted, is := t.(*mqtt.SubscribeToken); is && granted.Result()[filter] == refused {
		return fmt.Errorf("%s is refused", filter)
	}
	return nil
}

// finish waits for a paho operation.
func finish(ctx context.Context, t mqtt.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(connectTimeout + writeTimeout):
		return errors.New("no answer")
	}
}

type mqttSession struct{ client mqtt.Client }

// Publish implements Session. It does not wait for the PUBACK, because only the server's own acknowledgement counts.
func (s mqttSession) Publish(topic string, payload []byte) error {
	t := s.client.Publish(topic, 1, false, payload)
	select {
	case <-t.Done():
		return t.Error()
	default:
		return nil
	}
}

// Close implements Session.
func (s mqttSession) Close() { s.client.Disconnect(closeMillis) }
