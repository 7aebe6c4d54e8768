package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/app/apptest"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/profiles"
	"github.com/paywatt/paywatt/sts"
)

// lineShown is a command line that shows a value of the API. Words that begin with $ are values that an earlier line saved.
type lineShown struct {
	line   string
	keep   string // name=field saves a field of the result, or of its first row
	second bool   // whether another person runs the line
	answer any    // a canned answer, if a real answer needs more than this test has
}

// shownValues is a working day at the command line: every command that shows a value of the API has its line.
func shownValues() []lineShown {
	return []lineShown{
		{line: "utility show"}, {line: "utility set --name Testville --quiet-from 21:30"},
		{line: "tariff add domestic --currency KES --vat 15 --rate 2.50"}, {line: "tariff add plan50 --currency KES --plan 0.5kWh=50.00"},
		{line: "tariff list"}, {line: "tariff publish domestic --file $DRAFT --from $LATER"}, {line: "tariff withdraw domestic 2"}, {line: "tariff show domestic"},
		{line: "tariff simulate domestic --draft $DRAFT --amount 100 --from 2026-01 --to 2026-02"},
		{line: "meter add 04140001001 --tariff domestic --sgc 123456 --ti 01 --simulated --name Amina --phone +254700000001 --address Plot"},
		{line: "meter add 04140001019 --tariff plan50 --mode prepay_wallet --simulated --name Ben"},
		{line: "meter list"}, {line: "meter show 04140001001"}, {line: "meter set 04140001019 --feeder North --measures Hill --max-w 9200 --unread-cut 48 --reason line"}, {line: "device replace 04140001019 kitchen-2 --reason burnt"},
		{line: "meter sim 04140001001 +254700000200"}, {line: "meter alarms"}, {line: "meter summary 04140001001"},
		{line: "meter readings 04140001001", answer: rowsOf[apiv1.Reading]()}, {line: "meter events 04140001001", answer: rowsOf[apiv1.Event]()},
		{line: "meter usage 04140001019", answer: rowsOf[apiv1.Usage]()}, {line: "meter timeline 04140001001", answer: rowsOf[apiv1.Moment]()}, {line: "device list", answer: rowsOf[apiv1.AdoptedDevice]()}, {line: "device unknown", answer: rowsOf[apiv1.UnknownDevice]()},
		{line: "device adopt kitchen 04140001001", answer: apiv1.AdoptedDevice{}}, {line: "device release kitchen --reason try", answer: apiv1.AdoptedDevice{}},
		{line: "device password", answer: apiv1.DevicePassword{}}, {line: "meter toggle 04140001001 --reason try", answer: apiv1.Device{}},
		{line: "meter password 04140001001", answer: apiv1.MeterPassword{}}, {line: "meter password 04140001001 --end", answer: apiv1.MeterPassword{}}, {line: "meter supply 04140001019"}, {line: "meter config 04140001001 --set ec_limit_wh=5000 --reason clinic"}, {line: "meter cut 04140001019 --reason unpaid --yes"}, {line: "meter restore 04140001019 --reason paid"},
		{line: "meter command 04140001001 read --reason look"}, {line: "meter rebase 04140001019 100 --reason changed"},
		{line: "customer add --name Zed --phone +254700000077"}, {line: "customer list", keep: "CUSTOMER=id"}, {line: "customer show $CUSTOMER"}, {line: "customer change $CUSTOMER --lang sw"},
		{line: "customer confirm-phone cus_x --reason seen", answer: apiv1.Customer{}},
		{line: "customer page 04140001001", answer: apiv1.PageLink{}}, {line: "customer page 04140001001 --send", answer: apiv1.PageLink{}}, {line: "customer page 04140001001 --revoke", answer: apiv1.PageLink{}}, {line: "meter confirm-sim 04140001001 --reason seen", answer: apiv1.Meter{}}, {line: "meter link-key 04140001001"},
		{line: "meter plan-key 04140001001 --ti 02", answer: apiv1.KeyChange{}}, {line: "meter confirm-key 04140001001 --reason seen", answer: apiv1.KeyChange{}},
		{line: "meter cancel-key 04140001001 --reason wrong", answer: apiv1.KeyChange{}}, {line: "meter swap 04140001001 04140001027 --balance 1 --reason dark", answer: apiv1.Swap{}},
		{line: "meter remove 04140001001 --reason gone", answer: apiv1.Meter{}}, {line: "meter scrap 04140001001 --reason burnt", answer: apiv1.Meter{}},
		{line: "meter change-tariff 04140001001 domestic --reason shop", answer: apiv1.TariffChange{}},
		{line: "meter tariffs 04140001001", answer: rowsOf[apiv1.AccountTariff]()},
		{line: "vend 04140001001 50 --quote"}, {line: "vend 04140001001 100", keep: "SALE=id"}, {line: "vend 04140001019 100"},
		{line: "vend list", answer: rowsOf[apiv1.Sale]()}, {line: "vend show main-000001"}, {line: "explain $SALE"}, {line: "vend receipt $SALE --format json"}, {line: "vend copy $SALE --format json"},
		{line: "vend reverse $SALE --reason mistake"},
		{line: "import meters $FLATS --dry-run"}, {line: "import meters $FLATS", keep: "IMPORT=id"}, {line: "import customers $PEOPLE"}, {line: "import tariffs $FLATS --dry-run"}, {line: "import list"},
		{line: "import debts $OWED --map account=Meter"}, {line: "import balances $OWED --dry-run"},
		{line: "import show $IMPORT"}, {line: "import undo $IMPORT"},
		{line: "shift open --till till-2 --opening 50"}, {line: "shift payout 20 --reason noon"}, {line: "shift list"}, {line: "shift report"},
		{line: "shift close --counted 30"},
		{line: "reconcile bank $FLATS", answer: apiv1.StatementFile{}}, {line: "reconcile list"}, {line: "reconcile run bank 2026-11-20", answer: apiv1.Reconciliation{}},
		{line: "reconcile differences"}, {line: "reconcile files"}, {line: "reconcile close dif_x --why paid", answer: apiv1.Difference{}}, {line: "reconcile assign dif_x Amina", answer: apiv1.Difference{}},
		{line: "reconcile call dif_x", answer: apiv1.DifferenceCall{}}, {line: "reconcile read dif_x", answer: apiv1.Difference{}},
		{line: "voucher make 100 --count 2 --expires $DAY", keep: "BATCH=id"}, {line: "voucher pins $BATCH"}, {line: "voucher sell $BATCH --from 1 --to 1"}, {line: "voucher end $BATCH --from 2 --to 2 --reason lost"}, {line: "voucher make 100 --count 1 --requires-code --expires $DAY", keep: "CODED=id"}, {line: "voucher pins $CODED"}, {line: "voucher sell $CODED"}, {line: "voucher codes $CODED"}, {line: "voucher reissue $CODED --reason lost"}, {line: "voucher list"}, {line: "voucher show $BATCH"}, {line: "voucher redeem 04140001001", answer: apiv1.VoucherRedemption{}},
		{line: "payment list"}, {line: "payment show pay_x", answer: apiv1.Payment{}}, {line: "payment apply pay_x 04140001001", answer: apiv1.Payment{}},
		{line: "provider add mpesa --kind mpesa --config $MPESA"}, {line: "payment ask 04140001001 500 --phone +254711000001", keep: "REQUEST=id"},
		{line: "payment request $REQUEST"}, {line: "payment requests"},
		{line: "payment refund pay_x --reason no", answer: apiv1.Payment{}}, {line: "payment reject pay_x --reason no", answer: apiv1.Payment{}},
		{line: "provider add bank --kind webhook --config $PROVIDER --max-single 100 --max-daily 1000"}, {line: "provider list"}, {line: "provider disable bank"}, {line: "provider register bank"}, {line: "provider enable bank"}, {line: "provider secrets bank --overlap 1"},
		{line: "webhook add http://127.0.0.1:1/ --event webhook.disabled --allow-private", keep: "WEBHOOK=id"}, {line: "webhook list"}, {line: "webhook rotate $WEBHOOK"},
		{line: "webhook test $WEBHOOK", keep: "DELIVERY=id"}, {line: "webhook deliveries $WEBHOOK"}, {line: "webhook resend $WEBHOOK $DELIVERY"},
		{line: "webhook recover $WEBHOOK --since 2026-11-20T00:00:00Z", answer: apiv1.WebhookRecovery{}}, {line: "webhook disable $WEBHOOK"}, {line: "webhook enable $WEBHOOK"}, {line: "webhook remove $WEBHOOK"},
		{line: "day next"}, {line: "day list"}, {line: "day close", answer: apiv1.ClosedDay{}}, {line: "day show 2026-11-20", answer: apiv1.ClosedDay{}},
		{line: "meter give-token 04140001001 free --units 5 --reason-code test"}, {line: "meter tokens 04140001001", keep: "TOKEN=id"},
		{line: "meter recharge 04140001001 $TOKEN --by mqtt --wait 0"}, {line: "token explain 12345678901234567890 --number 04140001001"},
		{line: "token explain 12345678901234567890", answer: apiv1.Diagnosis{}},
		{line: "account show 04140001001"}, {line: "account statement 04140001001"}, {line: "account wallet 04140001019"},
		{line: "account adjust 04140001001 5 --reason outage"}, {line: "debt add 04140001001 20 --kind fine", keep: "DEBT=id"}, {line: "debt list"},
		{line: "debt write-off $DEBT --amount 5 --reason kind"}, {line: "charge add 04140001001 10 --name fee --month $MONTH"}, {line: "charge list"},
		{line: "vendor add Corner --commission 1.5"}, {line: "vendor list"}, {line: "vendor show V001"}, {line: "vendor terms V001 --commission 2"},
		{line: "vendor deposit V001 100 --reference B1"}, {line: "vendor statement V001"}, {line: "vendor settlement V001", answer: struct{}{}},
		{line: "person invite juma@example.org --role support"}, {line: "person list"}, {line: "person role juma@example.org operator"},
		{line: "person block juma@example.org"}, {line: "person unblock juma@example.org"}, {line: "person reset juma@example.org"},
		{line: "person sessions juma@example.org", answer: rowsOf[apiv1.Session]()}, {line: "person end-sessions juma@example.org"},
		{line: "person devices juma@example.org", answer: rowsOf[apiv1.CounterDevice]()}, {line: "person revoke-device juma@example.org dev_x", answer: apiv1.RevokedDevice{}},
		{line: "person record-own juma@example.org meter 04140001001", keep: "OWN=id"}, {line: "person own juma@example.org"},
		{line: "person end-own juma@example.org $OWN"},
		{line: "person confirm juma@example.org", answer: apiv1.Person{}},
		{line: "report day"}, {line: "report head"}, {line: "report trial-balance"}, {line: "report accounts"}, {line: "report balance 1000 --subject main"},
		{line: "report journals"}, {line: "report ledger", answer: struct{}{}}, {line: "report registers", answer: rowsOf[apiv1.Register]()},
		{line: "report audit"},
		{line: "overview", answer: apiv1.Overview{}}, {line: "flat list"}, {line: "flat loss Hill"}, {line: "flat statements --month $MONTH", answer: struct{}{}},
		{line: "quarantine list", answer: rowsOf[apiv1.Quarantined]()}, {line: "quarantine accept qtn_x --reason true", answer: apiv1.QuarantineResult{}},
		{line: "quarantine rebase qtn_x --reason true", answer: apiv1.QuarantineResult{}}, {line: "quarantine discard qtn_x --reason true", answer: apiv1.QuarantineResult{}},
		{line: "message list", answer: rowsOf[apiv1.Message]()}, {line: "message show msg_x", answer: apiv1.MessageDetail{}},
		{line: "message send 04140001001", answer: apiv1.Message{}}, {line: "message retry msg_x", answer: apiv1.MessageDetail{}}, {line: "message routes"},
		{line: "account show 04140001019", keep: "ACCOUNT=id"}, {line: "account move-out 04140001019 --plan"},
		{line: "account move-out 04140001019 --reason moved --yes"},
		{line: "account take-over 04140001019 --from acc_x --reason same", answer: apiv1.TakenOver{}},
		{line: "account refund $ACCOUNT 20 --reason transfer"}, {line: "meter move-in 04140001019 --tariff plan50 --name Cara --reason new"},
		{line: "utility set --four-eyes on --four-eyes-alone"}, {line: "tariff add village --currency KES --rate 3", keep: "ONE=id"},
		{line: "tariff add town --currency KES --rate 3", keep: "TWO=id"}, {line: "approval list"}, {line: "approval show $TWO"},
		{line: "approval approve $ONE", second: true}, {line: "approval reject $TWO --reason no", second: true},
	}
}

// apart lists the commands that show no value of the API: nouns that use no server, and single commands with the reason.
func apart() map[string]string {
	out := map[string]string{"meter calibrate": "computes here", "meter watch": "adds the time to each value", "clock trust": "shows no value", "utility release-four-eyes": "asks no server",
		"token encode": "computes here", "provider simulate": "asks no server", "token decode": "computes here", "token check": "computes here"}
	for _, noun := range strings.Fields("apikey backup bench ca completion config demo doctor help integration licenses modem printer profile replay serve sim store vendingkey verify version vmeter") {
		out[noun] = "asks no server, or shows views of its own"
	}
	return out
}

// TestTheCommandLinePrintsTheJSONOfTheAPI runs each command that shows a value with -o json. It must print the value that the
// server answered, or the rows of a list.
func TestTheCommandLinePrintsTheJSONOfTheAPI(t *testing.T) {
	tier.Slow(t)
	o := openOffice(t)
	tested := map[string]bool{}
	for _, s := range shownValues() {
		o.show(s, tested)
	}
	except := apart()
	eachCommand(wholeTree(), func(cmd *cobra.Command) {
		path := strings.TrimPrefix(cmd.CommandPath(), "paywatt ")
		noun, _, _ := strings.Cut(path, " ")
		if cmd.Runnable() && !tested[path] && except[path] == "" && except[noun] == "" {
			t.Errorf("no line tests what %s prints with -o json", path)
		}
	})
}

// office is a server and a user at the command line, with a recording proxy between them.
type office struct {
	t      *testing.T
	proxy  *httptest.Server
	first  string        // API key of the first person
	other  string        // API key of the second person, once there is one
	second func() string // makes another person, and returns a key of that person
	kept   map[string]string

	mu      sync.Mutex
	answer  any // canned answer; nil: the server's real answer
	answers [][]byte
}

func openOffice(t *testing.T) *office {
	t.Helper()
	dir := t.TempDir()
	o := &office{t: t, kept: map[string]string{"DRAFT": filepath.Join(dir, "draft.json"),
		"DAY": time.Now().AddDate(1, 0, 0).UTC().Format(time.DateOnly), "LATER": time.Now().AddDate(1, 0, 0).UTC().Format(time.RFC3339), "MONTH": time.Now().UTC().Format("2006-01")}}
	if err := os.WriteFile(o.kept["DRAFT"], []byte(`{"currency":"KES","vat_bps":1500,"flat_micro":3000000}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"FLATS": "number,tariff,mode\n04140001027,domestic,prepay_wallet\n1,,\n", "OWED": "Meter,amount\n04140001001,50\n", "PEOPLE": "name\nJuma\n",
		"MPESA":    `{"config":{"base_url":"http://127.0.0.1:9","short_code":"600000","initiator":"api"},"secrets":{"consumer_key":"k","consumer_secret":"s","passkey":"p","security_credential":"c"}}`,
		"PROVIDER": `{"config":{},"secrets":{"signing":"whsec_` + strings.Repeat("QUJD", 8) + `"}}`} {
		o.kept[name] = filepath.Join(dir, name+".csv")
		if err := os.WriteFile(o.kept[name], []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cheap := keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1}
	library := profile.Library{}
	if err := library.Load(profiles.Files); err != nil {
		t.Fatal(err)
	}
	a, err := app.New(app.Config{Data: dir, Profiles: library, Legacy: []config.Legacy{{Address: "127.0.0.1:0", Meter: "04140001019", Profile: "tasmota"}}, HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0", Passphrase: []byte("a long passphrase"), Reserve: -1,
		KeyCost: cheap, PasswordCost: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	addVendingKey(t, dir, cheap)
	key := func(email, name string) string {
		k, err := apptest.Key(t.Context(), dir, "", nil, apptest.Person{Email: email, Role: access.Owner, KeyName: name})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	o.first = key("amina@example.org", "first")
	o.second = func() string { return key("ben@example.org", "second") }
	address, _ := a.Ready()
	o.listen(address)
	return o
}

// addVendingKey puts a public test key into the folder.
func addVendingKey(t *testing.T, dir string, cost keystore.Params) {
	t.Helper()
	s, err := keystore.Open(dir, keystore.Config{Params: cost})
	if err == nil {
		err = s.Unlock([]byte("a long passphrase"))
	}
	if err != nil {
		t.Fatal(err)
	}
	vk, err := sts.NewVendingKey(bytes.Repeat([]byte{0xab}, 8))
	if err != nil {
		t.Fatal(err)
	}
	no, err := s.Add(keystore.Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255, Test: true}, vk)
	if err != nil || no.Refused() {
		t.Fatal(no, err)
	}
}

// listen stands between the command line and the server and records the answers.
func (o *office) listen(address string) {
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: address})
		r.Out.Header.Set("Accept-Encoding", "identity")
	}}
	pass.ModifyResponse = func(r *http.Response) error {
		b, err := io.ReadAll(r.Body)
		o.mu.Lock()
		o.answers = append(o.answers, b)
		o.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(b))
		return err
	}
	o.proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.answer == nil {
			pass.ServeHTTP(w, r)
			return
		}
		v := reflect.New(reflect.TypeOf(o.answer)).Elem()
		fill(v)
		b, err := json.Marshal(v.Interface())
		if err != nil {
			o.t.Error(err)
		}
		o.answers = append(o.answers, b)
		_, _ = w.Write(b)
	}))
	o.t.Cleanup(o.proxy.Close)
}

// show runs a line and compares its output with the server's answer.
func (o *office) show(s lineShown, tested map[string]bool) {
	o.t.Helper()
	words := strings.Fields(s.line)
	for i, w := range words {
		if name, ok := strings.CutPrefix(w, "$"); ok {
			words[i] = o.kept[name]
		}
	}
	if cmd, _, err := wholeTree().Find(words); err == nil {
		tested[strings.TrimPrefix(cmd.CommandPath(), "paywatt ")] = true
	}
	env := map[string]string{"PAYWATT_URL": o.proxy.URL, "PAYWATT_KEY": o.first}
	if s.second {
		if o.other == "" {
			o.other = o.second()
		}
		env["PAYWATT_KEY"] = o.other
	}
	o.answer, o.answers = s.answer, nil
	var out, messages bytes.Buffer
	code := run(append(words, "-o", "json"), console{in: strings.NewReader(""), out: &out, err: &messages, getenv: func(name string) string { return env[name] }})
	if code != 0 || len(o.answers) == 0 {
		o.t.Errorf("%s: exit %d\n%s%s", s.line, code, out.String(), messages.String())
		return
	}
	printed, answered := value(o.t, out.Bytes()), value(o.t, o.answers[len(o.answers)-1])
	rows, list := answered.(map[string]any)["data"].([]any)
	switch {
	case list && reflect.DeepEqual(printed, rows) && (len(rows) > 0 || s.answer == nil):
	case list && slices.ContainsFunc(rows, func(row any) bool { return reflect.DeepEqual(printed, row) }): // one row is the requested object
	case !list && reflect.DeepEqual(printed, answered):
	default:
		o.t.Errorf("%s prints\n%s\nand the server answered\n%s", s.line, out.String(), o.answers[len(o.answers)-1])
	}
	if name, field, ok := strings.Cut(s.keep, "="); ok {
		if all, ok := printed.([]any); ok && len(all) > 0 {
			printed = all[0]
		}
		o.kept[name], _ = printed.(map[string]any)[field].(string)
	}
}

// value reads JSON with its numbers as they are written.
func value(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	return v
}

// rowsOf is the answer with a list of T.
func rowsOf[T any]() apiv1.List[T] { return apiv1.List[T]{} }

// fill gives every field of an answer a value.
func fill(v reflect.Value) {
	switch to := v.Addr().Interface().(type) {
	case *time.Time:
		*to = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
		return
	case *json.RawMessage:
		*to = json.RawMessage(`{"a":1}`)
		return
	case *map[string]any:
		*to = map[string]any{"a": "b"}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint64:
		v.SetUint(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "NextCursor" { // an answer is one page, so NextCursor stays empty
				fill(v.Field(i))
			}
		}
	}
}
