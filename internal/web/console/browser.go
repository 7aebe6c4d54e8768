package console

import (
	"crypto/hmac"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// A browser in which somebody has signed in keeps a cookie that says so. It gives no access: it only keeps that person from being slowed
// down while others guess the password (package guess). The cookie's name belongs to the account, so several people can share a browser.

// knownFor is how long a browser stays known after signing in.
const knownFor = 400 * 24 * time.Hour

const (
	browserID   = 16 // bytes
	browserMark = 16 // bytes of the keyed hash
)

func (s *Console) browserCookie(r *http.Request, account string) string {
	name := "paywatt_known_" + hex.EncodeToString(s.c.Hash("known browser's cookie", []byte(account))[:8])
	if s.secure(r) {
		return "__Host-" + name
	}
	return name
}

// knownBrowser returns the identity of the browser if the account has signed in with it before, else "".
func (s *Console) knownBrowser(r *http.Request, account string) string {
	c, err := r.Cookie(s.browserCookie(r, account))
	if err != nil {
		return ""
	}
	browser, mark, _ := strings.Cut(c.Value, ".")
	if !hmac.Equal([]byte(mark), []byte(s.markOf(browser, account))) {
		return ""
	}
	return browser
}

// knowBrowser marks the browser as known to the account.
func (s *Console) knowBrowser(w http.ResponseWriter, r *http.Request, account string) error {
	var raw [browserID]byte
	if _, err := io.ReadFull(s.c.Rand, raw[:]); err != nil {
		return fmt.Errorf("mark a browser: %w", err)
	}
	browser := hex.EncodeToString(raw[:])
	http.SetCookie(w, &http.Cookie{Name: s.browserCookie(r, account), Value: browser + "." + s.markOf(browser, account), Path: "/", HttpOnly: true,
		Secure: s.secure(r), SameSite: http.SameSiteStrictMode, Expires: s.c.Now().Add(knownFor)})
	return nil
}

func (s *Console) markOf(browser, account string) string {
	return hex.EncodeToString(s.c.Hash("known browser", []byte(browser+" "+account))[:browserMark])
}

// browserOf returns from where a person signs in.
func browserOf(r *http.Request) access.Browser {
	return access.Browser{IP: address(r), Name: browserName(r.UserAgent())}
}

// browserName returns a short name of a browser and its system, such as "Firefox, Linux". Many browsers also carry the names of others in
// their User-Agent, so the order matters. It is empty for an unknown program.
func browserName(agent string) string {
	first := func(names ...string) string {
		for i := 0; i+1 < len(names); i += 2 {
			if strings.Contains(agent, names[i]) {
				return names[i+1]
			}
		}
		return ""
	}
	browser := first("Edg", "Edge", "OPR/", "Opera", "SamsungBrowser", "Samsung Internet", "Firefox", "Firefox", "FxiOS", "Firefox", "Chrome", "Chrome",
		"CriOS", "Chrome", "Safari", "Safari", "curl", "curl")
	system := first("Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows", "CrOS", "ChromeOS", "Macintosh", "macOS", "Linux", "Linux")
	if browser == "" || system == "" {
		return browser + system
	}
	return browser + ", " + system
}
