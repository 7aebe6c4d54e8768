package e2e

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/codeblock"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// visit is a page that somebody follows from top to bottom.
type visit struct {
	page      string
	blocks    []int            // which blocks, counted from 0; nil for all with commands or their output
	after     []string         // commands that create what the page assumes to exist
	before    map[int][]string // commands between the blocks, by the number of the block that follows
	swap      []string         // pairs: a text of the page, and the text that a reader puts in its place
	exact     bool             // the output is the same in every run, to the last digit
	refused   []string         // a command that the server refuses in this test, and the code
	databases int              // of PostgreSQL, whose addresses are in DATABASE0 and so on
	expected  []string         // texts of warnings that following the page causes in the log of a server
	then      []string         // commands that succeed if following the page had the promised effect
}

// on returns the blocks of the visit's page that a visit can use: commands, their output, and JSON, which may be output too.
func (v visit) on(all []codeblock.Block) (blocks []codeblock.Block) {
	for _, b := range all {
		if b.Page == v.page && (b.Kind == "sh" || b.Kind == "console" || b.Kind == "json") {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// takes says whether the visit follows the block with this number.
func (v visit) takes(n int, b codeblock.Block) bool {
	return v.blocks == nil && b.Kind != "json" || slices.Contains(v.blocks, n)
}

// notFollowed are blocks of commands that no visit takes, by page and first line, with the reason.
func notFollowed() map[string]string {
	decision := "counts the code on the day of the decision, which is never rewritten"
	return map[string]string{
		"docs/operate/people.md: paywatt person confirm juma@example.org\n": "needs a second person, who is confirmed",
		"docs/operate/postgres.md: paywatt store standby":                   "needs a synchronous standby; TestAClusterLosesNothing has one",
		"docs/operate/postgres.md: paywatt bench pages":                     "takes hours at that size",
		"docs/operate/cluster.md: paywatt store standby":                    "needs a cluster; TestAClusterSaysWhatItLost sets up its servers as the page says",
		"docs/operate/cluster.md: paywatt store end-alarms":                 "needs a server that stopped half an hour ago; the tests of alarms in internal/app have one",
		"README.md: ./check":                                                              "this test is part of it",
		"docs/guide/payments.md: paywatt payment ask":                                     "needs a provider that can ask telephones; the tests of requests in internal/vending have one",
		"docs/guide/payments.md: paywatt reconcile":                                       "needs a provider and its statement; TestAStatementBringsEachPaymentOnce has both",
		"docs/guide/webhooks.md: paywatt webhook add":                                     "would send events to example.com; TestASaleAndItsEvent sends them to a server of its own",
		"docs/guide/webhooks.md: paywatt webhook list":                                    "needs a webhook and a delivery; TestAFailingWebhook has both",
		"CONTRIBUTING.md: go build -tags faultinject -o /tmp/paywatt-clock ./cmd/paywatt": "writes into the repository when a version is released; TestFrozen reads what it made",
		"docs/operate/linux-board.md: paywatt vmeter 04140001001 --board examples/raspberry-pi.toml --state ./meter --offline --key e653341f9d5bf36f": "needs the GPIO lines of a board; TestAMeterRunsOnABoardAndRemembers has a stand-in for the kernel",
		"docs/reference/promises.md: $ go test ./internal/vending/shoptest -run TestASaleSurvivesEveryCut":                                            "./check runs the test",
		"docs/reference/supply.md: TIER=long TIER_TIMES=20 go test ./internal/sim -run 'Month|EveryCut|Share|Planted|Down' -v":                        "takes hours; ./check runs it with fewer meters",
		"docs/decisions/0005-the-house.md: find .":    decision,
		"docs/decisions/0005-the-house.md: go list":   decision,
		"docs/decisions/0005-the-house.md: grep -rhE": decision,
	}
}

// TestPagesCanBeFollowed follows pages with the real binary: every command ends with 0 and prints what the page shows.
func TestPagesCanBeFollowed(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	needed(t, "bash", "curl", "openssl", "mosquitto", "mosquitto_pub", "mosquitto_sub")
	bin := paywatt(t)
	all, err := codeblock.Read("..")
	if err != nil {
		t.Fatal(err)
	}
	host := func(n int) string { return fmt.Sprintf("127.%d.%d.%d", 1+os.Getpid()>>8%250, os.Getpid()%256, 1+n) }
	first := newFollower(t, bin, host(0))
	first.runs(keyed()...)
	for i, v := range visits() {
		t.Run(strings.TrimSuffix(path.Base(v.page), ".md"), func(t *testing.T) {
			t.Parallel()
			r := newFollower(t, bin, host(1+i), v.swap...)
			r.expected = v.expected
			r.runs("export KEYED=" + first.dir + " OTHER=" + freeAddress(t)) // OTHER is a port for another program
			for n := range v.databases {
				r.runs(fmt.Sprintf("DATABASE%d='%s'", n, pgtest.New(t)))
			}
			r.runs(v.after...)
			for n, b := range v.on(all) {
				r.runs(v.before[n]...)
				if v.takes(n, b) {
					r.follows(b, v)
				}
			}
			r.runs(v.then...)
		})
	}
}

// TestEveryBlockOfCommandsIsFollowed: a visit follows each block of commands, or there is a reason why no visit follows it.
func TestEveryBlockOfCommandsIsFollowed(t *testing.T) {
	t.Parallel()
	all, err := codeblock.Read("..")
	if err != nil {
		t.Fatal(err)
	}
	followed := map[string]bool{}
	for _, v := range visits() {
		on := v.on(all)
		for n, b := range on {
			followed[b.Where()] = followed[b.Where()] || v.takes(n, b)
		}
		for _, n := range v.blocks {
			if n >= len(on) {
				t.Errorf("%s has no block %d", v.page, n)
			}
		}
	}
	used := map[string]bool{}
	for _, b := range all {
		if followed[b.Where()] || b.Kind != "sh" && b.Kind != "console" {
			continue
		}
		explained := false
		for first := range notFollowed() {
			if strings.HasPrefix(b.Page+": "+b.Text, first) {
				explained, used[first] = true, true
			}
		}
		if !explained {
			t.Errorf("%s: no visit follows the block\n%s", b.Where(), b.Text)
		}
	}
	for first, why := range notFollowed() {
		if !used[first] {
			t.Errorf("no block is %s, of which the list says that it %s", first, why)
		}
	}
}
