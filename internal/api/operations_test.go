package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestEveryMutatingOperationIsClassified: an operation that can change something names its acts, or says why it moves no value.
func TestEveryMutatingOperationIsClassified(t *testing.T) {
	left := access.APIOperations()
	for path, methods := range spec(t).Paths {
		for method, raw := range methods {
			var o struct{ OperationID string }
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			if strings.EqualFold(method, http.MethodGet) {
				continue
			}
			c, ok := left[o.OperationID]
			if !ok || (len(c.Acts) > 0) == (c.Why != "") {
				t.Errorf("%s %s (%s) is not classified: name its acts, or say why it moves no value, in internal/access/operation.go", method, path, o.OperationID)
			}
			for _, a := range c.Acts {
				if a.Right() == "" {
					t.Errorf("%s does %s, which the table of acts does not have", o.OperationID, a)
				}
			}
			delete(left, o.OperationID)
		}
	}
	for name := range left {
		t.Errorf("internal/access/operation.go classifies %s, which the API does not have", name)
	}
}
