package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/codeblock"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/wire"
)

// blocksOf returns the blocks of all pages.
func blocksOf(t *testing.T) []codeblock.Block {
	t.Helper()
	all, err := codeblock.Read(repository)
	if err != nil || len(all) < 80 {
		t.Fatalf("%d blocks found, %v", len(all), err)
	}
	return all
}

// TestEveryBlockIsOfAKind checks that each block on the pages has a known kind, and that blockProblem finds no mistake in it.
func TestEveryBlockIsOfAKind(t *testing.T) {
	number := map[string]int{}
	for _, b := range blocksOf(t) {
		name := fmt.Sprintf("%s %s %d", b.Page, b.Kind, number[b.Page+b.Kind])
		number[b.Page+b.Kind]++
		if err := blockProblem(t, name, b); err != nil {
			t.Errorf("%s: %v", b.Where(), err)
		}
	}
}

// blockProblem says what is wrong with a block. The parameter name is the block's page, its kind, and its number on the page.
func blockProblem(t *testing.T, name string, b codeblock.Block) error {
	t.Helper()
	switch b.Kind {
	case "sh", "console": // the end-to-end tests run these blocks, or say why they cannot
		var errs []error
		for _, s := range b.Steps() {
			errs = append(errs, commandProblem(t, s.Command))
		}
		return errors.Join(errs...)
	case "json":
		return jsonProblem(name, []byte(b.Text))
	case "toml":
		return tomlProblem(b.Text)
	case "go":
		return goProblem(t, b.Text)
	case "text", "conf", "http", "mermaid", "js", "python":
		what, known := shownBlocks()[name]
		if b.Kind == "mermaid" {
			what, known = "TestThePagesOfStatesAndSettingsAreCurrent", b.Page == "docs/reference/meter-states.md"
		}
		if !known {
			return fmt.Errorf("the list of shownBlocks has no %s", name)
		}
		if strings.HasPrefix(what, "Test") && !hasTest(t, what) {
			return fmt.Errorf("there is no test %s", what)
		}
		return nil
	}
	return fmt.Errorf("there is no kind %s", b.Kind)
}

// shownBlocks lists the blocks that are neither commands nor data. For each block it says what the block shows, or which test compares it.
func shownBlocks() map[string]string {
	return map[string]string{
		"ARCHITECTURE.md text 0":                           "a picture of the layers, whose rooms TestThePageNamesEveryRoom compares in the table",
		"ARCHITECTURE.md text 1":                           "a picture of the processes",
		"docs/guide/own-meter.md text 0":                   "a formula, which TestTheCalculationOnThePage works out",
		"docs/guide/own-meter.md text 1":                   "TestTheCalculationOnThePage",
		"docs/guide/own-meter.md text 2":                   "TestTheCalculationOnThePage",
		"docs/guide/own-meter.md text 3":                   "TestTheExamplesOnThePage",
		"docs/guide/own-meter.md text 4":                   "TestTheSessionOnThePage",
		"docs/guide/payments.md text 0":                    "a picture of the states of a payment",
		"docs/decisions/0008-postgres.md text 0":           "a picture of the steps of a batch",
		"docs/decisions/0009-integration-broker.md text 0": "a picture of the way of a packet",
		"docs/operate/running.md text 1":                   "TestABackupOnTheDiskOfTheDataNeverEndsTheSales",
		"docs/operate/postgres.md text 0":                  "a list of histories, which TestAPromotionBeginsAnEpochOnce tries",
		"docs/operate/cluster.md text 0":                   "a picture of the machines",
		"docs/operate/cluster.md conf 0":                   "TestAClusterLosesNothing",
		"docs/operate/cluster.md conf 1":                   "TestAClusterLosesNothing",
		"docs/operate/cluster.md conf 2":                   "TestAClusterLosesNothing",
		"docs/operate/cluster.md conf 3":                   "TestAClusterLosesNothing",
		"docs/guide/webhooks.md js 0":                      "TestProgramsOfTheGuideCheckWebhooks",
		"docs/guide/webhooks.md python 0":                  "TestProgramsOfTheGuideCheckWebhooks",
		"docs/operate/running.md text 0":                   "settings of nginx",
		"docs/reference/datapath.md text 0":                "a picture of the ways",
		"docs/reference/meter-rules.md text 0":             "a formula",
		"docs/reference/mqtt.md text 0":                    "a form of messages, which TestTheCalculationOnThePage works out",
		"docs/reference/supply.md text 0":                  "a formula",
		"docs/reference/tokens.md text 0":                  "a picture of the 66 bits",
		"docs/reference/wallets.md text 0":                 "a formula",
		"docs/reference/sms-gateway.md text 0":             "TestPagesCanBeFollowed",
		"docs/reference/sms-gateway.md http 0":             "TestAMessageIsPostedAndSigned",
		"docs/reference/sms-gateway.md http 1":             "TestAMessageIsPostedAndSigned",
		"docs/reference/sms-gateway.md conf 0":             "TestOtherProgramsKannelWithFakeSMSC",
		"docs/guide/home-assistant.md conf 0":              "TestPagesCanBeFollowed",
	}
}

// hasTest says whether a test of the repository has this name.
func hasTest(t *testing.T, name string) (found bool) {
	t.Helper()
	err := filepath.WalkDir(repository, func(path string, d os.DirEntry, err error) error {
		if err != nil || found || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		found = bytes.Contains(b, []byte("\nfunc "+name+"(t *testing.T)"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// strictly reads JSON into a type that has a field for each of its keys.
func strictly[T any](text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var v T
	return d.Decode(&v)
}

// recordOf reads a record of a meter.
func recordOf(kind wire.Kind) func([]byte) error {
	return func(text []byte) error {
		_, bad, err := wire.DecodeUp(kind, text)
		if len(bad) > 0 {
			return fmt.Errorf("%s: %+v, %v", kind, bad, err)
		}
		return err
	}
}

// jsonProblem reads JSON as the program does.
func jsonProblem(name string, text []byte) error {
	lines := func(read ...func([]byte) error) func([]byte) error {
		return func(text []byte) error {
			rows := bytes.SplitAfter(bytes.TrimSpace(text), []byte("\n"))
			if len(rows) != len(read) {
				return fmt.Errorf("%d values, want %d", len(rows), len(read))
			}
			var errs []error
			for i, row := range rows {
				errs = append(errs, read[i](row))
			}
			return errors.Join(errs...)
		}
	}
	read, known := map[string]func([]byte) error{
		"docs/guide/own-implementation.md json 0": strictly[[]map[string]any], // TestTheGuidesExamplePasses
		"docs/guide/payments.md json 0":           strictly[providerFile],
		"docs/guide/payments.md json 2":           strictly[providerFile], "docs/guide/payments.md json 3": strictly[providerFile], "docs/guide/payments.md json 4": strictly[providerFile],
		"docs/guide/payments.md json 5": strictly[providerFile], "docs/guide/payments.md json 6": strictly[providerFile], "docs/guide/payments.md json 7": strictly[providerFile], "docs/guide/payments.md json 8": strictly[providerFile],
		"docs/guide/payments.md json 1":        strictly[map[string]any], // TestASignedPaymentBecomesOneSale sends the same fields
		"docs/guide/webhooks.md json 0":        strictly[apiv1.WebhookEvent],
		"docs/guide/own-meter.md json 0":       recordOf(wire.KindBoot),
		"docs/guide/own-meter.md json 1":       recordOf(wire.KindToken),
		"docs/operate/virtual-meter.md json 0": strictly[map[string]any], // TestPagesCanBeFollowed gives it to a meter
		"docs/reference/http.md json 0":        strictly[apiv1.Sale],
		"docs/reference/http.md json 1":        strictly[apiv1.Problem],
		"docs/reference/meter-rules.md json 0": strictly[map[string]any], // TestPagesCanBeFollowed compares it
		"docs/reference/mqtt.md json 0":        recordOf(wire.KindBoot),
		"docs/reference/mqtt.md json 1": lines(recordOf(wire.KindReading), recordOf(wire.KindToken), recordOf(wire.KindEvent), recordOf(wire.KindCommand),
			recordOf(wire.KindClose)),
		"docs/reference/tariffs.md json 0": func(text []byte) error { _, err := tariff.Decode(text); return err },
	}[name]
	if !known {
		return fmt.Errorf("jsonProblem does not know what %s is", name)
	}
	return read(text)
}

// tomlProblem reads a settings file as paywatt serve does.
func tomlProblem(text string) error {
	var file map[string]any
	if _, err := toml.Decode(text, &file); err != nil {
		return err
	}
	_, err := config.Merge(config.Sources{File: file})
	return err
}

// goProblem vets a program.
func goProblem(t *testing.T, text string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program.go")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "vet", file).CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

var (
	inQuotes  = regexp.MustCompile(`(?s)'[^']*'|"[^"$]*"`)
	beginning = regexp.MustCompile(`(?:^|[;|&({\n]|\b(?:until|do|export)\b)\s*((?:[A-Z_a-z]+=[^\s(]*\s+)*)([a-z./_][a-z0-9./_]*)(=?)`)
	asking    = regexp.MustCompile(`(?s)curl (.*?)(?:\$PAYWATT_URL|https://paywatt\.example)(/[^\s"'|]*)(.*)`)
	method    = regexp.MustCompile(`-X ([A-Z]+)`)
)

// commandProblem says what is wrong with a command of a shell. It finds bad grammar, a program that is not in the constant programs, and a
// request to a route that does not exist. TestEveryCommandOnThePagesExists checks the arguments of paywatt.
func commandProblem(t *testing.T, command string) error {
	t.Helper()
	bash := exec.Command("bash", "-n")
	bash.Stdin = strings.NewReader(command)
	if out, err := bash.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	for _, m := range beginning.FindAllStringSubmatch(inQuotes.ReplaceAllString(strings.ReplaceAll(command, "\\\n", " "), "Q"), -1) {
		if program := filepath.Base(m[2]); m[3] == "" && !strings.Contains(programs, " "+program+" ") {
			return fmt.Errorf("%s: the program %s is in no list", command, program)
		}
	}
	if m := asking.FindStringSubmatch(command); m != nil {
		verb := "GET"
		if x := method.FindStringSubmatch(m[1] + m[3]); x != nil {
			verb = x[1]
		} else if strings.Contains(m[1]+m[3], " -d ") {
			verb = "POST"
		}
		if !routes(t)[verb+" "+m[2]] && !strings.HasPrefix(m[2], "/hooks/sms/") && m[2] != "/metrics" {
			return fmt.Errorf("%s: there is no %s %s", command, verb, m[2])
		}
	}
	return nil
}

// programs lists the programs that the pages may call: paywatt, the shell, Debian's base, and the packages that ./check installs.
const programs = " paywatt go check cat cd cp cut date do done echo export find grep head mkdir printf sed sha256sum sign sleep sort source tee umask until wc xargs awk " +
	"createdb curl mosquitto_pub mosquitto_sub openssl python3 "

// TestTheTestOfBlocksSees: a block with a mistake is found.
func TestTheTestOfBlocksSees(t *testing.T) {
	for name, b := range map[string]codeblock.Block{
		"no such kind":                     {Kind: "yaml"},
		"unknown text":                     {Kind: "text", Page: "docs/README.md"},
		"grammar":                          {Kind: "sh", Text: "echo 'a\n"},
		"unknown program":                  {Kind: "sh", Text: "echo a | telnet b\n"},
		"unknown route":                    {Kind: "console", Text: "$ curl -X POST $PAYWATT_URL/v1/metres -d '{}'\n"},
		"wrong method":                     {Kind: "sh", Text: "curl -X DELETE $PAYWATT_URL/v1/vends\n"},
		"docs/reference/http.md json 0":    {Kind: "json", Text: `{"id":"x","unit_wh":3}`},
		"docs/reference/mqtt.md json 0":    {Kind: "json", Text: `{"store":"x"}`},
		"docs/reference/tariffs.md json 0": {Kind: "json", Text: `{"currency":"KES","flat":3}`},
		"unknown JSON":                     {Kind: "json", Text: `{}`},
		"unknown setting":                  {Kind: "toml", Text: "[[sms_route]]\nname = \"a\"\nkind = \"log\"\nport = \"x\"\n"},
		"not TOML":                         {Kind: "toml", Text: "a = b\n"},
		"not Go":                           {Kind: "go", Text: "package main\n\nfunc main() { x }\n"},
	} {
		if err := blockProblem(t, name, b); err == nil {
			t.Errorf("%s: got no problem with %q, want one", name, b.Text)
		}
	}
	if err := blockProblem(t, "", codeblock.Block{Kind: "sh", Text: "A=$(paywatt apikey create) B=c curl -s $PAYWATT_URL/metrics | grep a\n"}); err != nil {
		t.Error(err)
	}
}
