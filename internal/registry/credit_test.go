package registry_test

import (
	"encoding/json"
	"testing"

	"github.com/paywatt/paywatt/internal/registry"
)

// TestAMoveInOfBeforeTheCreditIsStillTheSame: a move-in that waited for a second person while the server was upgraded is stored again as it was
// stored, or the approval would be for something else.
func TestAMoveInOfBeforeTheCreditIsStillTheSame(t *testing.T) {
	const before = `{"Tariff":"domestic","Customer":null,"CustomerID":"","Reason":"new lease"}`
	var in registry.MovingIn
	if err := json.Unmarshal([]byte(before), &in); err != nil {
		t.Fatal(err)
	}
	after, err := json.Marshal(in)
	if err != nil || string(after) != before {
		t.Errorf("the move-in is stored as %s (%v), want %s", after, err, before)
	}
}
