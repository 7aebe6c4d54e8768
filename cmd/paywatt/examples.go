package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// examples are the examples in --help for commands whose own file gives none. A test checks them against the tree of
// commands.
var examples = map[string][]string{
	"account show":      {"paywatt account show 04140001001"},
	"account statement": {"paywatt account statement 04140001001 -o csv"},
	"apikey create": {"paywatt apikey create --role owner", "paywatt apikey create --role operator --name till-3 --data /var/lib/paywatt",
		"paywatt apikey create --role auditor --expires 90d --from 10.0.0.0/8"},
	"apikey give":           {"paywatt apikey give key_01jd00000000000000000000000 --person amina@example.org"},
	"apikey rotate":         {"paywatt apikey rotate key_01jd00000000000000000000000", "paywatt apikey rotate key_01jd00000000000000000000000 --overlap 72h"},
	"apikey revoke":         {"paywatt apikey revoke key_01jd00000000000000000000000"},
	"approval approve":      {`paywatt approval approve apr_01jd00000000000000000000000 --reason "seen the bank statement"`},
	"approval show":         {"paywatt approval show apr_01jd00000000000000000000000"},
	"approval reject":       {`paywatt approval reject apr_01jd00000000000000000000000 --reason "wrong vendor"`},
	"backup verify":         {"paywatt backup verify /mnt/usb/paywatt-2026-11-20"},
	"backup restore":        {"paywatt backup restore /mnt/usb/paywatt-2026-11-20 --head heads.log --data ./paywatt-data"},
	"bench ingest":          {"paywatt bench ingest --connections 200 --seconds 20"},
	"bench pay":             {"paywatt bench pay --callers 16 --seconds 10"},
	"bench pages":           {"paywatt bench pages --meters 2000 --sales 20000 --rounds 30", "paywatt bench pages --engine postgres --keep /var/tmp/town -o table"},
	"bench meter":           {"paywatt bench meter --meters 1000"},
	"bench store":           {"paywatt bench store --dir /var/lib --seconds 5"},
	"bench vend":            {"paywatt bench vend --seconds 20", "paywatt bench vend --baseline none"},
	"ca create":             {`paywatt ca create --dir /media/key/ca --name "Village utility"`},
	"ca issue":              {"paywatt ca issue 04140001001 04140001019 --dir /media/key/ca --out certificates"},
	"ca issue-server":       {"paywatt ca issue-server pay.example.org 10.0.0.5 --dir /media/key/ca"},
	"ca list":               {"paywatt ca list --dir /media/key/ca"},
	"ca revoke":             {`paywatt ca revoke 04140001001 --reason "meter stolen" --dir /media/key/ca`},
	"config check":          {"paywatt config check --data /var/lib/paywatt"},
	"config show":           {"paywatt config show --origin"},
	"debt write-off":        {`paywatt debt write-off dbt_01jd00000000000000000000000 --amount 50 --reason "paid in kind"`},
	"doctor":                {"paywatt doctor --data ./paywatt-data"},
	"explain":               {"paywatt explain vnd_01jd00000000000000000000000", "paywatt explain till3-000017"},
	"integration list":      {"paywatt integration list"},
	"integration revoke":    {"paywatt integration revoke int_01jd00000000000000000000000"},
	"licenses":              {"paywatt licenses", "paywatt licenses modernc.org/sqlite", "paywatt licenses --all"},
	"meter events":          {"paywatt meter events 04140001001 --limit 10"},
	"meter readings":        {"paywatt meter readings 04140001001 --from 2026-11-01T00:00:00Z -o csv"},
	"meter show":            {"paywatt meter show 04140001001"},
	"meter tariffs":         {"paywatt meter tariffs 04140001001"},
	"meter tokens":          {"paywatt meter tokens 04140001001"},
	"profile check":         {"paywatt profile check seed-a --record capture.jsonl"},
	"profile list":          {"paywatt profile list"},
	"profile show":          {"paywatt profile show seed-a"},
	"replay":                {"paywatt replay meter.flight"},
	"report head":           {"paywatt report head > head.txt", "paywatt report head --since head-2026-10.txt > head.txt"},
	"report day":            {"paywatt report day", "paywatt report day 2026-11-20"},
	"serve":                 {"paywatt serve --data ./paywatt-data", "paywatt serve --store postgres://paywatt@db.example/paywatt --http 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem"},
	"tariff publish":        {"paywatt tariff publish domestic --file next.json --from 2027-01-01T00:00:00Z"},
	"tariff withdraw":       {"paywatt tariff withdraw domestic 3"},
	"tariff show":           {"paywatt tariff show domestic"},
	"token check":           {"paywatt token check sts/testdata/vectors.json"},
	"token decode":          {"paywatt token decode 23716100501183194197 --key e653341f9d5bf36f --ea 07"},
	"vend receipt":          {"paywatt vend receipt vnd_01jd00000000000000000000000", "paywatt vend receipt till3-000017 --proof > receipt.json"},
	"vend copy":             {"paywatt vend copy vnd_01jd00000000000000000000000 --format sms"},
	"vendingkey passphrase": {"PAYWATT_NEW_PASSPHRASE_FILE=new.txt paywatt vendingkey passphrase"},
	"vendingkey add":        {"paywatt vendingkey add --sgc 123456 --krn 1 --kt 2 --dkga 02 --base-date 2014 --key-file vending.hex --test"},
	"vendor show":           {"paywatt vendor show V001"},
	"vendor statement":      {"paywatt vendor statement V001 -o csv"},
	"vendor terms":          {"paywatt vendor terms V001 --credit 10000", "paywatt vendor terms V001 --status blocked"},
	"vmeter":                {"paywatt vmeter 04140001001 --offline --key e653341f9d5bf36f --state ./meter1", "paywatt vmeter 04140001001 --mqtt 127.0.0.1:1883 --password P --link-key HEX --key HEX --panel 127.0.0.1:8090", "paywatt vmeter 04140001001 --legacy --mqtt 127.0.0.1:1884 --script", "paywatt vmeter 04140001001 --board examples/raspberry-pi.toml --state ./meter1 --offline --key e653341f9d5bf36f"},
	"verify":                {"paywatt verify --data ./paywatt-data", "paywatt verify receipt.json --head head.txt", "paywatt verify --head head-2026-10.txt --head head.txt"},
	"vmeter memory check":   {"paywatt vmeter memory check ./meter1 --fields"},
}

// exemplify adds the examples to their commands.
func exemplify(root *cobra.Command) {
	for path, lines := range examples {
		cmd, rest, err := root.Find(strings.Fields(path))
		if err == nil && len(rest) == 0 && cmd.Example == "" {
			cmd.Example = "  " + strings.Join(lines, "\n  ")
		}
	}
}
