package api

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/registry"
)

// TestANewMeterIsAskedForAsItWasWritten: each field of the body reaches the registry under its own name.
func TestANewMeterIsAskedForAsItWasWritten(t *testing.T) {
	const facts = `"number":"04140001001","mode":"prepay_token","tariff":"domestic","sgc":"123456","krn":1,"kt":2,"ti":"03","ken":254,"ea":"11","dkga":"04",
		"base_date":2035,"imp_per_kwh":1600,"simulated":true,"status":"stock","model":"M1","phases":3,"tt":"04","address":"12 Lake Road","feeder":"F7",
		"reading_interval_s":900,"sim_phone":"+254700000200"`
	all := registry.NewMeter{Number: "04140001001", Mode: registry.PrepayToken, Tariff: "domestic", SGC: "123456", KRN: new(int64(1)), KT: new(int64(2)), TI: "03",
		KEN: new(int64(254)), EA: "11", DKGA: "04", BaseDate: new(int64(2035)), ImpPerKWh: new(int64(1600)), Simulated: true, Status: registry.Stock, Model: "M1",
		Phases: new(int64(3)), TT: "04", Address: "12 Lake Road", Feeder: "F7", ReadingInterval: 15 * time.Minute, SIM: "+254700000200"}
	for body, change := range map[string]func(*registry.NewMeter){
		"{" + facts + "}": func(*registry.NewMeter) {},
		"{" + facts + `,"customer":{"id":"cus_1"}}`:                  func(m *registry.NewMeter) { m.CustomerID = "cus_1" },
		"{" + facts + `,"customer":{"id":"cus_1","name":"ignored"}}`: func(m *registry.NewMeter) { m.CustomerID = "cus_1" },
		"{" + facts + `,"customer":{"name":"Amina A.","phone":"+254700000001","id_no":"77","lang":"sw"}}`: func(m *registry.NewMeter) {
			m.Customer = &registry.NewCustomer{Name: "Amina A.", Phone: "+254700000001", IDNo: "77", Lang: "sw"}
		},
	} {
		var n apiv1.NewMeter
		if err := json.Unmarshal([]byte(body), &n); err != nil {
			t.Fatal(err)
		}
		want := all
		change(&want)
		if got := newMeterOf(n); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is asked for as\n%+v, want\n%+v", body, got, want)
		}
	}
	for seconds, want := range map[int64]time.Duration{0: 0, 1: time.Second, 1 << 62: 1 << 30 * time.Second, -1 << 62: -1 << 30 * time.Second} {
		if got := newMeterOf(apiv1.NewMeter{IntervalS: seconds}).ReadingInterval; got != want {
			t.Errorf("an interval of %d s is asked for as %s, want %s", seconds, got, want)
		}
	}
}
