package e2e

import (
	"os"
	"testing"

	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
)

// TestMain starts a PostgreSQL for the tests that ask for one (pgtest.New).
func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
