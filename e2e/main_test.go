package e2e

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
)

// TestMain starts a PostgreSQL for the tests that ask for one (pgtest.New). The inner loop has no end-to-end test: nothing is built or started.
func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("NOT TESTED with -short: the whole program, end to end")
		return
	}
	os.Exit(pgtest.Run(m))
}
