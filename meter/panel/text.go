package panel

import (
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

// texts is everything a panel says in one language. Display lines have at most 16 characters of ASCII; messages at most
// 160 with their figures in, so that one SMS holds them.
type texts struct {
	credit, creditShort       string
	load, total, totalShort   string
	connected, armed          string
	locked, wait, memory      string
	reasons                   map[supply.Reason]string
	enter, enterHint, tooLong string
	menuRecharge              string
	menuOff, menuOn           string
	wrongChoice, rightChoices string
	localOff, localOffHint    string
	localOn                   string
	results                   map[sts.Result][2]string
	keyChanged, limitSet      string
	creditCleared             string
	tamperCleared, badValue   string

	segments                    string
	testSwitch, testSwitchOpen  string
	krn, kt, ti, ea, sgc, ken   string
	keyTokens, version, meter   string
	input                       string
	inputs                      map[meter.Source]string
	limit, noLimit              string
	tamper, noTamper, hasTamper string

	smsAccepted, smsAcceptedBalance string
	smsDone, smsNext                string
	smsUsed, smsRejected            string
	smsBalance                      string
	messages                        map[meter.Message]string
}

// english is the first language; others are further tables of the same shape.
func english() *texts { return &englishTexts }

var englishTexts = texts{
	credit: "CREDIT", creditShort: "CR",
	load: "LOAD", total: "TOTAL", totalShort: "TOT",
	connected: "CONNECTED", armed: "PRESS #",
	locked: "LOCKED", wait: "WAIT", memory: "MEMORY FAULT",
	reasons: map[supply.Reason]string{
		supply.Credit: "NO CREDIT", supply.Remote: "REMOTE OFF", supply.Local: "LOCAL OFF", supply.Tamper: "TAMPER",
		supply.Overload: "OVERLOAD", supply.Lease: "LEASE ENDED", supply.Fault: "FAULT",
		supply.NotActivated: "NOT ACTIVE", supply.Test: "TEST",
	},
	enter: "ENTER TOKEN", enterHint: "20 DIGITS THEN #", tooLong: "TOO LONG * = NEW",
	menuRecharge: "1 RECHARGE",
	menuOff:      "4 LOAD OFF", menuOn: "4 LOAD ON",
	wrongChoice: "NO SUCH CHOICE", rightChoices: "PRESS 1, 4 OR *",
	localOff: "LOAD IS OFF", localOffHint: "*4 SWITCHES ON",
	localOn: "LOAD IS ON",
	results: map[sts.Result][2]string{
		sts.KCT1st:          {"FIRST PART OK", "ENTER NEXT PART"},
		sts.KCTNth:          {"PART OK", "ENTER NEXT PART"},
		sts.OverflowError:   {"CREDIT IS FULL", "ENTER IT LATER"},
		sts.KeyTypeError:    {"KEY NOT ALLOWED", "ASK YOUR SELLER"},
		sts.FormatError:     {"NOT A TOKEN", "NEEDS 20 DIGITS"},
		sts.RangeError:      {"AMOUNT TOO BIG", "ASK YOUR SELLER"},
		sts.FunctionError:   {"NOT SUPPORTED", "ASK YOUR SELLER"},
		sts.OldError:        {"TOKEN TOO OLD", "ASK YOUR SELLER"},
		sts.UsedError:       {"USED BEFORE", "CHECK RECEIPT"},
		sts.KeyExpiredError: {"KEY EXPIRED", "ASK YOUR SELLER"},
		sts.DDTKError:       {"METER NOT READY", "ASK YOUR SELLER"},
		sts.CRCError:        {"WRONG TOKEN", "CHECK ALL DIGITS"},
		sts.MfrCodeError:    {"FOR OTHER METER", "CHECK RECEIPT"},
		sts.Locked:          {"TOO MANY WRONG", "LOCKED"},
		sts.Busy:            {"BUSY", "ENTER IT AGAIN"},
		sts.StorageError:    {"MEMORY FAULT", "ENTER IT AGAIN"},
		sts.Accept:          {"ACCEPTED", ""},
	},
	keyChanged: "KEY CHANGED", limitSet: "LIMIT SET", creditCleared: "CREDIT CLEARED", tamperCleared: "TAMPER CLEARED",
	badValue:   "VALUE NOT VALID",
	segments:   "8888888888888888",
	testSwitch: "SWITCH TEST", testSwitchOpen: "SWITCH IS OPEN",
	krn: "KRN", kt: "KT", ti: "TI", ea: "EA", sgc: "SGC", ken: "KEN",
	keyTokens: "KEY TOKENS", version: "SOFTWARE", meter: "METER",
	input:  "TOKEN INPUT",
	inputs: map[meter.Source]string{meter.Keypad: "KEYPAD OK", meter.SMS: "SMS OK", meter.Remote: "REMOTE OK"},
	limit:  "POWER LIMIT", noLimit: "NONE",
	tamper: "TAMPER", noTamper: "NONE", hasTamper: "LATCHED",

	smsAccepted: "Recharge OK. %s kWh added.", smsAcceptedBalance: "Recharge OK. %s kWh added. Balance %s kWh",
	smsDone: "Token accepted.", smsNext: "Part of a key change accepted. Send the other tokens of the set.",
	smsUsed: "this recharge card has been used!", smsRejected: "Token rejected.",
	smsBalance: "Balance %s kWh",
	messages: map[meter.Message]string{
		meter.MessageLow1:   "Low credit: %s kWh left. Please buy soon.",
		meter.MessageLow2:   "Credit almost gone: %s kWh left. Buy now to keep your supply.",
		meter.MessageCutOff: "Credit used up, supply is off. Buy a token to switch it on again.",
	},
}
