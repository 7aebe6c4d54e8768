package outbound

import (
	"sync"
	"time"
)

// token is an access token of one set of credentials. Its lock is held while the token is fetched, because some providers end a token when
// they give another.
type token struct {
	mu   sync.Mutex
	text string
	ends time.Time
}

// early is how long before its end a token is no longer used.
const early = 30 * time.Second

// Token returns the access token of some credentials, and fetches it if there is none that is valid. The key names the credentials.
func (c *Client) Token(key string, fetch func() (text string, life time.Duration, err error)) (string, error) {
	c.mu.Lock()
	t := c.tokens[key]
	if t == nil {
		t = &token{}
		c.tokens[key] = t
	}
	c.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text != "" && c.now().Before(t.ends) {
		return t.text, nil
	}
	text, life, err := fetch()
	if err != nil {
		return "", err
	}
	t.text, t.ends = text, c.now().Add(life-early)
	return text, nil
}

// Forget drops a token that the provider refused, unless another has been fetched since.
func (c *Client) Forget(key, text string) {
	c.mu.Lock()
	t := c.tokens[key]
	c.mu.Unlock()
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text == text {
		t.text = ""
	}
}
