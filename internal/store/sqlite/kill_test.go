package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
)

// sellerFolder is an environment variable that a test sets for a process that it starts. The variable names a folder. The process sells in
// that folder until it is killed.
const sellerFolder = "PAYWATT_TEST_SELLER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(sellerFolder); dir != "" {
		fmt.Println(seller(dir))
		os.Exit(1)
	}
	if dir := os.Getenv(upgradeFolder); dir != "" {
		fmt.Println(upgradeUntilKilled(dir, os.Getenv(upgradeKill)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// seller sells from four callers forever and prints the number of each sale once it is durable.
func seller(dir string) error {
	e, err := sqlite.Open(dir, sqlite.Options{Reserve: -1})
	if err != nil {
		return err
	}
	from, err := storetest.View(context.Background(), e, store.FirstTenant, counter("receipt:main"))
	if err != nil {
		return err
	}
	acked, failed := make(chan int64), make(chan error)
	for k := range int64(4) {
		go func() {
			for n := from*10 + k; ; n += 4 {
				if _, err := storetest.Do(context.Background(), e, store.FirstTenant, store.Sale, sellOne(n+1, 7)); err != nil {
					failed <- err
					return
				}
				acked <- n + 1
			}
		}()
	}
	for {
		select {
		case n := <-acked:
			fmt.Println(n)
		case err := <-failed:
			return err
		}
	}
}

// TestWhatWasAcknowledgedSurvivesAKill kills a selling process at random moments. After each kill it checks that every acknowledged sale
// exists and that the books are sound.
func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	tier.World(t)
	tier.Slow(t)
	tier.OneGoroutine(t)
	kills := tier.KilledSellers.N()
	dir := t.TempDir()
	first, err := sqlite.Open(dir, sqlite.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	stock(t, first, 7)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 5))
	acked := map[int64]bool{}
	for k := range kills {
		for _, n := range killed(t, dir, time.Duration(20+rnd.IntN(150))*time.Millisecond) {
			acked[n] = true
		}
		r := verify(t, dir)
		if !r.Sound() {
			t.Fatalf("after kill %d: %v", k+1, r.Findings)
		}
		stored := storedSales(t, dir)
		for n := range acked {
			if !stored[n] {
				t.Errorf("after kill %d: sale %d was acknowledged and is lost", k+1, n)
			}
		}
	}
	t.Logf("figures: %d kills, %d sales acknowledged, 0 lost", kills, len(acked))
	if len(acked) < kills {
		t.Errorf("only %d sales were acknowledged in %d lives: the test kills too early", len(acked), kills)
	}
}

// killed runs a seller, kills it some time after its first sale, and returns the sales that it had acknowledged.
func killed(t *testing.T, dir string, life time.Duration) (acked []int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), sellerFolder+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			t.Errorf("the seller says %q", lines.Text())
			continue
		}
		if acked = append(acked, n); len(acked) == 1 {
			time.AfterFunc(life, func() { _ = cmd.Process.Kill() }) // the test waits below for the end of the process
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the seller ended by itself")
	}
	return acked
}

// storedSales returns the numbers of the sales in a folder.
func storedSales(t *testing.T, dir string) map[int64]bool {
	t.Helper()
	e, err := sqlite.Open(dir, sqlite.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	out := map[int64]bool{}
	err = e.View(context.Background(), store.FirstTenant, func(tx *store.Tx) error {
		return tx.C.Query(`SELECT client_ref FROM vend WHERE tenant_id = $1`, func(r core.Row) error {
			n, err := strconv.ParseInt(strings.TrimPrefix(r.Text(0), "sale-"), 10, 64)
			out[n] = true
			return err
		}, tx.Tenant)
	})
	if err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	return out
}
