package exit_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/exit"
)

// TestThePageHasEveryExitCode checks that the documentation lists every exit code, because scripts branch on them.
func TestThePageHasEveryExitCode(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/http.md")
	if err != nil {
		t.Fatal(err)
	}
	for code, means := range map[int]string{exit.Failed: "failed", exit.Usage: "wrong usage", exit.NotFound: "not found", exit.Refused: "refused by a rule", exit.Unreachable: "the server"} {
		if row := fmt.Sprintf("| %d | %s", code, means); !strings.Contains(string(page), row) {
			t.Errorf("docs/reference/http.md does not say %q", row)
		}
	}
}
