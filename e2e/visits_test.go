package e2e

import (
	"slices"
	"time"
)

// stop ends the servers and meters that run.
const stop = "kill $(jobs -p); wait"

const firstServer = "docs/operate/first-server.md"

// keyed returns commands that make a folder with a vending key and the key of an owner, as docs/operate/first-server.md does. Opening a key
// store takes a second, so all visits begin with a copy of one such folder.
func keyed() []string {
	return []string{
		"umask 077 && printf 'a long passphrase' > pass && export PAYWATT_PASSPHRASE_FILE=$PWD/pass",
		"printf 'abababababababab' | paywatt vendingkey add --sgc 123456 --krn 1 --kt 2 --dkga 02 --base-date 2014 --key-file - --test",
		"paywatt apikey create --role owner > key",
	}
}

// serving returns commands that start a server and add a tariff, and then the given commands.
func serving(more ...string) []string {
	return append([]string{
		"cp -r $KEYED/paywatt-data $KEYED/pass . && export PAYWATT_URL=http://127.0.0.1:8080 PAYWATT_KEY=$(cat $KEYED/key)",
		"paywatt serve",
		"paywatt tariff add domestic --currency KES --vat 15 --rate 2.50",
	}, more...)
}

// served returns the commands of serving and commands that register the first meter, so that the server can sell to it.
func served(more ...string) []string {
	return append([]string{"export PAYWATT_PASSPHRASE_FILE=$KEYED/pass"}, append(serving("paywatt meter add 04140001001 --tariff domestic --sgc 123456 --krn 1 --kt 2 --ti 01 --simulated"), more...)...)
}

// wallet returns commands that start a server, register a meter whose balance is on the server, recharge it and make it report the energy
// that the page shows.
func wallet(more ...string) []string {
	return append(serving(
		"paywatt meter add 04140001027 --mode prepay_wallet --tariff domestic",
		"paywatt meter set 04140001027 --max-w 30000000 --reason 'the test has no time'",
		"paywatt vend 04140001027 100",
		`up() { mosquitto_pub -h $HOST -i 04140001027 -u 04140001027 -P "$SECRET" -q 1 -t m/04140001027/up/$1 -m "$2"; }; export SECRET=$(shown 'mqtt password')`,
		`up boot '{"store":"0123456789abcdef","lowest":1,"next":3,"boot":1,"proto":1}'`,
		`up reading '{"seq":1,"at":'$(($(date +%s) - 2))',"up":1000,"clock":"valid","register_wh":0,"balance_wh":0,"relay":"closed"}'`,
		`up reading '{"seq":2,"at":'$(date +%s)',"up":3000,"clock":"valid","register_wh":4800,"balance_wh":0,"relay":"closed"}'`,
	), more...)
}

// visits are all visits.
func visits() []visit {
	return slices.Concat(firstVisits(), moneyVisits(), meterVisits(), messageVisits(), deviceVisits(), operatorVisits())
}

// firstVisits need no server that is already running.
func firstVisits() []visit {
	return []visit{
		{page: "docs/guide/own-implementation.md", after: []string{`block docs/guide/own-implementation.md json 0 | sed 's/"watts": 1000/"watts": 1100/' > mine.json`}, blocks: []int{0}},
		{page: "README.md", blocks: []int{0}, swap: []string{"go run ./cmd/paywatt", "paywatt"}, // the test has built it already
			then: []string{"until [ -n \"$(shown 'curl ')\" ]; do sleep 0.1; done", `eval "curl $(shown 'curl ')" | grep '"state":"completed"'`}},
		{page: firstServer, expected: []string{"meter not connected"}, swap: []string{
			"go build -o paywatt ./cmd/paywatt", "ln -s bin/paywatt paywatt",
			"--password …", "--password $(shown 'mqtt password')", "--link-key …", "--link-key $(shown 'link key')", "--key …", "--key $(shown 'decoder key')"},
			then: []string{
				"until [ -n \"$(shown panel=)\" ]; do sleep 0.1; done",
				`for key in $(shown token | grep -o '[0-9]') '#'; do curl -sf --data-urlencode "key=$key" $(shown panel=)key; done`,
				"until paywatt meter show 04140001001 | grep -q '^state  *on'; do sleep 0.1; done",
				"grep -q http serve.log",
				"kill %1; wait %1",
			}},
		{page: "docs/reference/tokens.md", exact: true, then: []string{
			"made='--vending-key-file vk.hex --dkga 02 --number 00000000000 --sgc 123456 --krn 1 --ti 01 --base-date 1993'",
			"paywatt token decode 23716100501183194197 $made | grep 'tid *5871715' && paywatt token explain 23716100501183194197 $made"}},
		{page: "docs/operate/calibration.md", exact: true},
		{page: "docs/guide/provider-simulator.md", then: []string{
			"curl -sf $SIM/books | grep '\"problem\":\"\"' | grep '\"provider\":\"momo\",\"currency\":\"UGX\",\"payments\":1,\"taken_minor\":5000'",
			`curl -sf $SIM/control/advance -d '{"for":"1s"}' && curl -sf "$SIM/callbacks?after=0" | grep '"kind":"forged unknown"'`}},
		{page: "docs/operate/simulation.md", swap: []string{"--meters 12 --days 30", "--meters 12 --days 8"}},
	}
}

// moneyVisits sell and ask about sales.
func moneyVisits() []visit {
	return []visit{
		{page: "docs/reference/money.md", after: served("paywatt vend 04140001001 100", "paywatt vend 04140001001 0.20")},
		{page: "docs/reference/postings.md", after: served("paywatt vend 04140001001 100"), swap: []string{"vnd_06h04wqbr5tvsfrm9gzkvgb1sm", "$(shown sale)"}},
		{page: "docs/operate/tills.md", after: served(), then: []string{"paywatt shift list -o csv | grep -q 'main,.*0.50 KES'", "paywatt report day | grep -q 'difference -0.50 KES'"}},
		{page: "docs/operate/days.md", after: served("paywatt vend 04140001001 100", "paywatt vendor add 'Corner shop' --commission 1.5"), then: []string{"paywatt day next -o json | grep -q '\"over\": *false'"}},
		{page: "docs/operate/meter-config.md", after: served()},
		{page: "docs/operate/certificates.md", expected: []string{"connection refused: its certificate does not count"}, after: served("export SSL_CERT_FILE=$PWD/paywatt-ca/ca.pem SECRET=$(shown 'mqtt password')"),
			before: map[int][]string{
				1: {stop, `boot() { mosquitto_pub -h $HOST -p 8883 --cafile both.pem -i 04140001001 -q 1 -t m/04140001001/up/boot -m '{}' "$@"; }`},
				4: {"export PAYWATT_URL=https://$HOST:8443"},
				6: {"kill -HUP $(jobs -p)", "until cat step.* | grep -q serial=$(openssl x509 -in second-ca/ca.pem -outform DER | sha256sum | cut -d' ' -f1); do sleep 0.1; done",
					"! boot --cert meters/04140001001.pem --key meters/04140001001.key", // revoked
					`! boot -u 04140001001 -P "$SECRET"`},                               // ended
			},
			swap: []string{"10.0.0.5", "localhost", "pay.example.org", "$HOST"},
			then: []string{"kill -HUP $(jobs -p)", "export SSL_CERT_FILE=$PWD/second-ca/ca.pem", "until paywatt meter list; do sleep 0.1; done",
				"cp second-ca/ca.pem both.pem && boot --cert second-meters/04140001001.pem --key second-meters/04140001001.key",
				// Nothing comes for the meter, which is another exit code than that of a refused login.
				"timeout 20 mosquitto_sub -h $HOST -p 8883 --cafile both.pem --cert second-meters/04140001001.pem --key second-meters/04140001001.key -i 04140001001 -t m/04140001001/down/token -C 1 -W 1; [ $? = 27 ]",
				"paywatt ca list -o csv | grep 'meter stolen'", "! paywatt meter alarms | grep certificate-unusable"}},
		{page: "docs/operate/proofs.md", after: served("paywatt vend 04140001001 100 --client-ref till3-000017",
			"paywatt report head > head-2026-10.txt"), swap: []string{"paywatt-…", "$(paywatt report head | tail -n 1)"}},
		{page: "docs/reference/http.md", after: served("paywatt vendor add 'Corner shop' --commission 1.5", "paywatt vendor deposit V001 1000 --reference bank-1"),
			blocks: []int{0, 1, 2}, before: map[int][]string{2: {
				`sell() { curl -s -H "Authorization: Bearer $PAYWATT_KEY" -H "Idempotency-Key: till3-00$1" -H "Content-Type: application/json" $PAYWATT_URL/v1/vends -d '{"meter":"04140001001","tender":{"amount_minor":'$1',"currency":"KES"}}'; }`,
				"sell 20", "sell 1",
			}}},
		{page: "docs/reference/acts.md", after: serving(), swap: []string{",commercial", ""}, then: []string{"paywatt utility show -o json | grep -q person/sales"}},
		{page: "docs/operate/people.md", after: serving("paywatt apikey create --role supervisor --name old"), blocks: []int{0, 1, 3, 4, 5},
			swap: []string{"key_01jd00000000000000000000000", "$(paywatt apikey list -o csv | grep ,old, | cut -d, -f1)"}, before: map[int][]string{3: {
				"curl -sf -o /dev/null -d 'password=two cows and a bicycle' $(shown link)"}},
			then: []string{"paywatt person list | grep juma@example.org | grep -q supervisor"}},
		{page: "docs/reference/tariffs.md", after: served("paywatt tariff add shops --currency KES --vat 15 --rate 5.00",
			"paywatt meter add 04140001019 --tariff domestic --sgc 123456 --krn 1 --kt 2 --ti 01",
			`printf 'number,tariff\n04140001019,shops\n' > shops.csv`),
			swap: []string{"2027", time.Now().AddDate(1, 0, 1).Format("2006")}, // its January is to come, also in the last hour of a year
			then: []string{"paywatt meter tariffs 04140001001 | grep withdrawn", "paywatt meter tariffs 04140001019 | grep 'shops.*planned'"}},
		{page: "docs/reference/wallets.md", after: wallet(), swap: []string{"04140001001", "04140001027", "move-out", "move-out --yes"},
			before: map[int][]string{1: {"paywatt report registers && paywatt account wallet 04140001027 --from $(date -u -d '-1 day' +%F) -o csv | grep 100 && paywatt meter usage 04140001027 --by week"}}},
	}
}

// meterVisits are about one meter.
func meterVisits() []visit {
	return []visit{
		{page: "docs/reference/supply.md", swap: []string{"meter cut", "meter cut --yes"}, blocks: []int{0, 1, 2},
			before: map[int][]string{2: {"paywatt utility set --emergency-from " + clockOf(-6*time.Hour) + " --emergency-to " + clockOf(6*time.Hour)}}, after: serving(
				"paywatt meter add 04140001027 --mode prepay_wallet --tariff domestic --simulated",
				"paywatt vend 04140001027 100",
				"mkfifo meter && exec 3<>meter",
				"paywatt vmeter 04140001027 --mode wallet --mqtt 127.0.0.1:1883 --password $(shown 'mqtt password') --link-key $(shown 'link key') --script <meter",
				`printf 'wait relay=closed 10s\nload 17280\nrun 1000s\nsync\n' >&3`)},
		{page: "docs/reference/meter-rules.md", blocks: []int{0, 1}},
		{page: "docs/reference/mqtt.md", after: append([]string{"export PAYWATT_PASSPHRASE_FILE=$KEYED/pass"}, serving()...), blocks: []int{0}, swap: []string{"--password P", "--password $(shown 'mqtt password')",
			"--link-key HEX", "--link-key $(shown 'link key')", "--key HEX", "--key $(shown 'decoder key')"},
			then: []string{"until paywatt meter show 04140001001 | grep -q '^relay  *open'; do sleep 0.1; done"}},
		{page: "docs/reference/datapath.md", after: wallet()},
	}
}

// messageVisits are about text messages.
func messageVisits() []visit {
	return []visit{
		{page: "docs/guide/customer-page.md", after: append([]string{"export PAYWATT_PASSPHRASE_FILE=$KEYED/pass"}, serving(
			"paywatt meter add 04140001001 --tariff domestic --mode prepay_wallet --name 'Amina A.' --phone +254700000001", stop,
			`printf 'public_url = "https://pay.example.org"\n[[sms_route]]\nname = "log1"\nkind = "log"\n' > paywatt-data/paywatt.toml && chmod 600 paywatt-data/paywatt.toml`,
			"paywatt serve")...), then: []string{"paywatt customer page 04140001001 | grep revoked"}},
		{page: "docs/operate/platform.md", expected: []string{"modem lost", "meter not connected"}, after: served(stop,
			"paywatt modem serve --number +254700000100 --number +254700000200 --pty ./server --pty ./meter",
			"paywatt serve --sms-modem ./server=+254700000100", "paywatt meter sim 04140001001 +254700000200",
			"paywatt vmeter 04140001001 --mqtt 127.0.0.1:1883 --password $(shown 'mqtt password') --link-key $(shown 'link key') --key $(shown 'decoder key') --modem ./meter --phone +254700000001 --phone +254700000100",
			"paywatt vend 04140001001 100"),
			swap: []string{"7134 0092 5510 3378 2064", "$(shown token)",
				"tok_01jd00000000000000000000000", "$(paywatt vend 04140001001 50 >sale && paywatt meter tokens 04140001001 -o json | grep -o 'tok_[0-9a-z]*' | head -n 1)"}},
		{page: "docs/reference/sms-gateway.md", expected: []string{"route went down"}, after: []string{"umask 077 && mkdir paywatt-data && openssl rand -hex 32 > phone1.secret",
			"block docs/reference/sms-gateway.md toml 0 | sed \"s|/etc/paywatt|$PWD|\" > paywatt-data/paywatt.toml", "paywatt serve"},
			swap: []string{"https://paywatt.example", "http://127.0.0.1:8080", "curl -i", "curl -i -f"},
			then: []string{`[ "$(block docs/reference/sms-gateway.md text 0)" = "v1=$(printf %s '1795192200.in.{"id":"a1","from":"+255711000001","text":"BAL"}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef -r | cut -d' ' -f1)" ]`}},
		{page: "docs/operate/modem.md", swap: []string{"127.0.0.1:41234", "$(bus)", "--report 30s", "--report 1s", "--wait 10s", "--wait 1s"},
			then: []string{`until grep -q '^.*+255711000001.*\*01#' step.*; do sleep 0.1; done`,
				// These requests are from the page's table.
				"json='-H Content-Type:application/json'", "curl -sf http://$(bus)/modems | grep +255700000100",
				`curl -sf http://$(bus)/modems/+255700000100 $json -d '{"reset":true}' && curl -sf http://$(bus)/modems/+255700000100 $json -d '{"fail":[38]}'`,
				`curl -sf -X PUT http://$(bus)/weather $json -d '{"loss":0.2,"duplicate":0.1,"reorder":0.1,"delay_ms":50,"hold_ms":500}'`,
				`curl -sf http://$(bus)/phones/+255711000002/messages $json -d '{"to":"+255700000100","text":"*01#"}'`,
				"curl -sf \"http://$(bus)/phones/+255711000002/messages?after=0&wait=1s\" && curl -sf \"http://$(bus)/events?after=0&wait=1s\" && curl -sf http://$(bus)/phone/"}},
		{page: "docs/operate/sms.md", expected: []string{"modem lost"}, after: serving("export PAYWATT_PASSPHRASE_FILE=$KEYED/pass",
			"paywatt meter add 04140001001 --tariff domestic --sgc 123456 --krn 1 --kt 2 --ti 01 --simulated --phone +254700000001", stop),
			swap: []string{"127.0.0.1:41234", "$(bus)", "--route gateway", "--route modem1", "cus_01jd00000000000000000000000", "$CUSTOMER",
				"msg_01jd00000000000000000000000", "$(paywatt message list 04140001001 | grep ' token ' | grep -o 'msg_[0-9a-z]*')"},
			before: map[int][]string{5: {"export CUSTOMER=$(paywatt customer list -o csv | grep -o 'cus_[0-9a-z]*')",
				"PAYWATT_KEY=$(personkey amina@example.org engineer) && export PAYWATT_KEY", "paywatt customer change $CUSTOMER --phone +254700000099", "paywatt meter sim 04140001001 +254700000201",
				"PAYWATT_KEY=$(personkey ben@example.org engineer)"}}},
		{page: "docs/operate/virtual-meter.md", swap: []string{"ADDRESS", "$(bus)", "--wait 10s", "--wait 1s"}, blocks: []int{1},
			then: []string{`until paywatt modem phone +255711000001 --bus $(bus) | grep "Recharge OK. 25.6 kWh added. Balance 25.6 kWh"; do sleep 0.1; done`,
				"block docs/operate/virtual-meter.md json 0 > c.json && printf 'show\\nquit\\n' | paywatt vmeter 12345678903 --offline --key 0ABC12DEF3456789 --config c.json --script"}},
	}
}

// deviceVisits are about the devices and programs of other makers.
func deviceVisits() []visit {
	return []visit{
		{page: "docs/guide/own-meter.md", blocks: []int{0, 1, 2, 4, 5, 7, 8, 9, 10}, swap: []string{"mosquitto_pub -i", "mosquitto_pub -h $HOST -i",
			"PASSWORD=…", "PASSWORD=$(secret mqtt_password)", "LINK_KEY=…", "LINK_KEY=$(secret link_key)", "python3", debianPython, "pay.example.org", "$HOST"},
			before: map[int][]string{
				10: {"until grep -q \"'type': 'connect'\" session.txt; do sleep 0.1; done", stop, "paywatt ca create && paywatt ca issue-server $HOST && paywatt ca issue 04140001019 --out meters",
					"paywatt serve --data ./try --mqtt 0.0.0.0:8883 --tls-cert server.pem --tls-key server.key --mqtt-ca paywatt-ca/ca.pem --mqtt-revoked paywatt-ca/revoked.pem"},
				2: {"export PASSWORD=$(shown 'mqtt password')"},
				4: {"umask 077 && printf 'a long passphrase' > pass && export PAYWATT_PASSPHRASE_FILE=$PWD/pass"},
				5: {stop, "paywatt serve --data ./try"},
				8: {`secret() { grep -ho "\"$1\":\"[^\"]*" step.* | cut -d'"' -f4; }`},
				7: {`mosquitto_pub -i 04140001001 -u 04140001001 -P "$PASSWORD" -q 1 -t m/04140001001/up/reading -m '{"seq":2,"at":'$(date +%s)',"up":2000,"clock":"valid","register_wh":120433,"balance_wh":0}'`,
					`mosquitto_pub -i 04140001001 -u 04140001001 -P "$PASSWORD" -q 1 -t m/04140001001/up/reading -m x`,
				},
			}, then: []string{`until grep -q 'down/ack' $(grep -l '"boot": 2' step.*) && cat step.* | grep -q 'meter connected with a certificate'; do sleep 0.1; done`}},
		{page: "docs/guide/devices.md", after: serving(), swap: []string{"-h BROKER", "-h 127.0.0.1 -p ${OTHER#*:}"},
			before: map[int][]string{
				1: {"paywatt meter add 04140001019 --mode prepay_wallet --tariff plan", stop},
				3: {"grep -q 'title' paywatt-data/profiles/kitchen.toml && paywatt profile check paywatt-data/profiles/kitchen.toml",
					"mosquitto -p ${OTHER#*:}", "cp paywatt-data/profiles/kitchen.toml my.toml",
					"until mosquitto_pub -h 127.0.0.1 -p ${OTHER#*:} -r -t GsmClientTest/init -m 'Meter Started'; do sleep 0.1; done",
					"mosquitto_pub -h 127.0.0.1 -p ${OTHER#*:} -r -t GsmClientTest/ledStatus -m 512:300"},
				4: {"until grep -q '512:300' capture.jsonl; do sleep 0.1; done"},
			}},
		{page: "docs/guide/home-assistant.md", after: serving("paywatt meter add 04140001001 --mode prepay_wallet --tariff domestic", stop),
			then: []string{
				"NAME=$(shown user) PASS=$(shown password)",
				"printf 'listener %s 127.0.0.1\\nallow_anonymous true\\n' ${OTHER#*:} > bridge.conf",
				"block docs/guide/home-assistant.md conf 0 | sed \"s/192.0.2.7:/$HOST:/; s/int_…/$NAME/; s/pi_…/$PASS/\" >> bridge.conf",
				"mosquitto -c bridge.conf",
				"until timeout 10 mosquitto_sub -h 127.0.0.1 -p ${OTHER#*:} -t paywatt/04140001001/state -C 1 | grep '\"number\":\"04140001001\"'; do sleep 0.1; done",
			}},
	}
}

// operatorVisits are about running a server.
func operatorVisits() []visit {
	return []visit{
		{page: "docs/reference/quarantine.md", after: wallet(`up reading '{"seq":3,"at":'$(date +%s)',"up":4000,"clock":"valid","register_wh":4800,"balance_wh":0}'`,
			"until paywatt quarantine list | grep -q qtn_; do sleep 0.1; done"),
			swap: []string{"04140001001", "04140001027", "qtn_01jd00000000000000000000000", "$(paywatt quarantine list | grep -o 'qtn_[0-9a-z]*')"}},
		{page: "docs/operate/running.md", expected: []string{"server in safe mode"}, after: served(), swap: []string{"/mnt/usb", "usb", "paywatt-…", "$(paywatt report head | tail -n 1)",
			"paywatt approval list", "PAYWATT_KEY=$SECOND paywatt tariff add other --currency KES --rate 3; paywatt approval list",
			"apr_01jd00000000000000000000000", "$(paywatt  approval list | grep -o 'apr_[0-9a-z]*' | head -n 1)"},
			before: map[int][]string{
				0: {stop, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=pay.example.org -keyout key.pem -out cert.pem 2> /dev/null"},
				1: {stop, "paywatt serve"},
				4: {"mkdir kept && cp paywatt-data/heads.log kept"},
				5: {"export PAYWATT_KEY=$(personkey amina@example.org owner) && SECOND=$(personkey ben@example.org owner)"},
			}, refused: []string{"paywatt clock trust", "clock-trusted"}},
		{page: "docs/operate/keys.md", after: served(stop), then: []string{"paywatt verify | grep Sound", "paywatt serve", "paywatt apikey list | grep owner"}},
		{page: "docs/operate/postgres.md", databases: 2, blocks: []int{0, 2, 3}, swap: []string{
			"postgres://paywatt@db.example/paywatt", `"$DATABASE"`, "2026-11-20T02:00:00Z", "$(date -u -d '-1 minute' +%FT%TZ)",
			"createdb paywatt", `createdb --maintenance-db="$DATABASE" --template=template0 pages_$$ && dropdb --maintenance-db="$DATABASE" pages_$$`},
			before: map[int][]string{
				0: {`DATABASE=$DATABASE0`},
				2: {stop, `mkdir kept && cp paywatt-data/heads.log kept/`},
				3: {`mkdir other && cd other && DATABASE=$DATABASE1 && paywatt apikey create --role owner && paywatt store rotate-key seal`},
			}, then: []string{
				`cp paywatt-data/seal.key old.key`,
				`paywatt store rotate-key seal --store "$DATABASE" && paywatt store rotate-key data --store "$DATABASE" && paywatt store rotate-key seal --store "$DATABASE"`,
				`paywatt verify --store "$DATABASE" --key old.key | grep Sound`,
				`paywatt apikey list --store "$DATABASE" | grep owner`,
			}},
	}
}

// clockOf returns the time of day so much later than now, as settings write it. Hours around now have no minute in which a test fails.
func clockOf(later time.Duration) string { return time.Now().UTC().Add(later).Format("15:04") }
