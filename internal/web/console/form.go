package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// Parts of a form id: a prefix that shows in the books where a sale was made, a random part, and a part that binds it to the
// session. The id is the client reference of the sale, which has at most 64 characters.
const (
	formPrefix = "console-"
	formRandom = 16 // bytes
	formBound  = 8  // bytes
)

// formID draws the one-time id of a form. A form that makes a sale or a token uses it as its idempotency key, so the same form
// sent again has no further effect. Only the session's holder can make the last part of the id. So a page of another site cannot
// send the form, even from a browser that does not report where a request comes from.
func (s *Console) formID(v visit) (string, error) {
	b := make([]byte, formRandom)
	if _, err := io.ReadFull(s.c.Rand, b); err != nil {
		return "", fmt.Errorf("generate a form ID: %w", err)
	}
	drawn := hex.EncodeToString(b)
	return formPrefix + drawn + "-" + v.bind(drawn), nil
}

// owns reports whether the form id was made for this session.
func (v visit) owns(form string) bool {
	drawn, bound, ok := strings.Cut(strings.TrimPrefix(form, formPrefix), "-")
	return ok && strings.HasPrefix(form, formPrefix) && len(drawn) == 2*formRandom && hmac.Equal([]byte(bound), []byte(v.bind(drawn)))
}

func (v visit) bind(drawn string) string {
	m := hmac.New(sha256.New, []byte(v.session))
	m.Write([]byte("form " + drawn))
	return hex.EncodeToString(m.Sum(nil)[:formBound])
}
