package e2e

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/tier"
)

// nodePDU is the npm package with which we compare our codec.
const nodePDU = "node-pdu@2.1.1"

// nodeMessage is a message as nodepdu.js reads and writes it.
type nodeMessage struct {
	Kind      string `json:"kind"`
	Address   string `json:"address"`
	Text      string `json:"text,omitempty"`
	Report    bool   `json:"report,omitempty"`
	Reference int    `json:"reference,omitempty"`
	Status    int    `json:"status,omitempty"`
	At        string `json:"at,omitempty"`
	Done      string `json:"done,omitempty"`
	Offset    int    `json:"offset,omitempty"` // offset of the time zone, in minutes
	Octets    bool   `json:"octets,omitempty"` // the message holds octets instead of a text
}

// node runs nodepdu.js.
func node(t *testing.T, parse []string, write []nodeMessage) (parsed []nodeMessage, written [][]string) {
	t.Helper()
	modules := npm(t, nodePDU)
	in, err := json.Marshal(map[string]any{"parse": parse, "write": write})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join("testdata", "nodepdu.js"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	var answer struct {
		Parsed  []nodeMessage `json:"parsed"`
		Written [][]string    `json:"written"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%v: %.300s", err, out)
	}
	return answer.Parsed, answer.Written
}

// randomText is a text of up to three parts, in the default alphabet or with other characters. It never contains §, because node-pdu 2.1.1
// reads the code of § as another character.
func randomText(r *rand.Rand) string {
	alphabet := []rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 *#@$_éèùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ!\"¤%&'()+,-./:;<=>?¡ÄÖÑÜ¿äöñüà€[]{}^~\\|")
	most := 400
	if r.IntN(3) == 0 {
		alphabet = append(alphabet, []rune("малоүзэ٣٤٥界電😀🔌ç")...)
		most = 180
	}
	n := 1 + r.IntN(most)
	out := make([]rune, n)
	for i := range out {
		out[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(out)
}

func randomNumber(r *rand.Rand) string {
	var b strings.Builder
	for range 5 + r.IntN(10) {
		b.WriteByte(byte('1' + r.IntN(9)))
	}
	return "+" + b.String()
}

// plainText is a text that node-pdu writes in the default alphabet, which it does while no character is above U+00C0. node-pdu counts a
// character of the extension table as one septet instead of two, so the text has few of these characters and still fits into node-pdu's
// parts.
func plainText(r *rand.Rand) string {
	const basic, extension = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 *#@$_!\"¤%&'()+,-./:;<=>?¡¿£¥", "[]{}^~\\|"
	alphabet := []rune(basic)
	out := make([]rune, 1+r.IntN(400))
	for i := range out {
		out[i] = alphabet[r.IntN(len(alphabet))]
		if i%10 == 9 {
			out[i] = rune(extension[r.IntN(len(extension))])
		}
	}
	return string(out)
}

// asciiText is printable ASCII, which every program reads the same way as octets.
func asciiText(r *rand.Rand) string {
	out := make([]byte, 1+r.IntN(400))
	for i := range out {
		out[i] = byte(' ' + r.IntN('~'-' '))
	}
	return string(out)
}

// node-pdu reads a thousand messages of our codec as they were meant, and our codec reads a thousand of its messages.
func TestNodePDUAndOursUnderstandEachOther(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	const messages = 1000
	r := rand.New(rand.NewPCG(tier.Seed(t), 7))
	var frames []string
	var want []nodeMessage
	for i := range messages {
		f, w := randomMessage(t, r, i)
		frames, want = append(frames, f...), append(want, w...)
	}
	var write []nodeMessage
	for i := range messages {
		m := nodeMessage{Kind: "submit", Address: randomNumber(r), Text: randomText(r)}
		switch i % 8 {
		case 0, 1, 2, 3:
			m.Text = plainText(r)
		case 4, 5:
			m.Text, m.Octets = asciiText(r), true
		}
		if i%2 == 0 {
			m.Kind, m.Offset = "deliver", 15*(r.IntN(100)-48)
			m.At = time.Unix(1_600_000_000+r.Int64N(1e8), 0).UTC().Format(time.RFC3339)
		}
		write = append(write, m)
	}
	parsed, written := node(t, frames, write)
	if len(parsed) != len(want) || len(written) != messages {
		t.Fatalf("%d read, %d written; want %d and %d", len(parsed), len(written), len(want), messages)
	}
	wrong := 0
	for i, got := range parsed {
		got.At, got.Done = strings.Replace(got.At, "-00:00", "+00:00", 1), strings.Replace(got.Done, "-00:00", "+00:00", 1)
		if got != want[i] && wrong < 10 {
			wrong++
			t.Errorf("%s\nnode-pdu reads %+v\nwe meant     %+v", frames[i], got, want[i])
		}
	}
	for i, parts := range written {
		if got := readBack(t, write[i].Kind, parts); got != (nodeMessage{Kind: write[i].Kind, Address: write[i].Address, Text: write[i].Text, At: write[i].At}) && wrong < 10 {
			wrong++
			t.Errorf("%q\nwe read        %+v\nnode-pdu meant %+v", parts, got, write[i])
		}
	}
	ours, theirs, back := map[string]int{}, map[string]int{}, 0
	for i, f := range frames {
		kindsOf(t, f, want[i].Kind, ours)
	}
	for i, parts := range written {
		for _, p := range parts {
			kindsOf(t, p, write[i].Kind, theirs)
			back++
		}
	}
	wantKinds(t, "our codec", ours, "deliver", "submit", "report", "GSM-7", "UCS-2", "8-bit", "part, 8 bits", "part, 16 bits", "extension table")
	wantKinds(t, "node-pdu", theirs, "deliver", "submit", "GSM-7", "UCS-2", "8-bit", "part, 16 bits", "extension table") // no 8-bit numbers
	t.Logf("figures: node-pdu read %d of our frames (%d messages: %v), we read %d of its (%d messages: %v), %d differ", len(parsed), messages, ours, back, len(written), theirs, wrong)
}

// randomZone is whole hours: node-pdu 2.1.1 writes half and quarter hours as fractions.
func randomZone(r *rand.Rand) *time.Location { return time.FixedZone("", 3600*(r.IntN(25)-12)) }

// isoTime is a time as node-pdu shows it.
func isoTime(t time.Time) string { return t.Format("2006-01-02T15:04:05-07:00") }

// randomMessage is a message in one or more frames, with the expected content of each.
func randomMessage(t *testing.T, r *rand.Rand, i int) (frames []string, want []nodeMessage) {
	t.Helper()
	number := randomNumber(r)
	a, err := pdu.ParseAddress(number)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_600_000_000+r.Int64N(1e8), 0).In(randomZone(r))
	stamp, err := pdu.StampOf(at)
	if err != nil {
		t.Fatal(err)
	}
	add := func(tpdu []byte, err error, w nodeMessage) {
		if err != nil {
			t.Fatal(err)
		}
		frame, err := pdu.JoinFrame(pdu.Address{}, tpdu)
		if err != nil {
			t.Fatal(err)
		}
		w.Address = strings.TrimPrefix(number, "+")
		frames, want = append(frames, strings.ToUpper(hex.EncodeToString(frame))), append(want, w)
	}
	if i%4 == 3 {
		s := pdu.StatusReport{Reference: uint8(r.IntN(256)), To: a, At: stamp, Done: stamp, Status: pdu.Status(r.IntN(128))}
		b, err := s.Encode()
		add(b, err, nodeMessage{Kind: "report", Reference: int(s.Reference), Status: int(s.Status), At: isoTime(at), Done: isoTime(at)})
		return frames, want
	}
	bodies := randomBodies(t, r, i)
	for _, body := range bodies {
		if i%2 == 0 {
			b, err := pdu.Deliver{From: a, At: stamp, Body: body}.Encode()
			add(b, err, nodeMessage{Kind: "deliver", Text: body.Text(), At: isoTime(at)})
			continue
		}
		s := pdu.Submit{To: a, Report: r.IntN(2) == 0, Body: body, Validity: pdu.Validity{Format: pdu.Relative, Relative: uint8(r.IntN(256))}}
		b, err := s.Encode()
		add(b, err, nodeMessage{Kind: "submit", Text: body.Text(), Report: s.Report})
	}
	return frames, want
}

// randomBodies returns the bodies of a random message, one body for each part. The parameter i decides whether the message holds octets or
// a text. The number that joins the parts of a text has 8 or 16 bits.
func randomBodies(t *testing.T, r *rand.Rand, i int) []pdu.Body {
	t.Helper()
	if i%8 == 2 || i%8 == 5 {
		data := asciiText(r)
		return []pdu.Body{{DCS: 0x04, Data: []byte(data[:min(len(data), pdu.MaxOctets)])}}
	}
	bodies, err := pdu.Compose(randomText(r), uint16(r.IntN(512)))
	if err != nil {
		t.Fatal(err)
	}
	return bodies
}

// kindsOf counts a frame under its properties: its alphabet, the size of the number that joins its parts, characters of the extension
// table.
func kindsOf(t *testing.T, frame, kind string, counts map[string]int) {
	t.Helper()
	b, err := hex.DecodeString(frame)
	if err != nil {
		t.Fatal(err)
	}
	_, tpdu, err := pdu.SplitFrame(b)
	if err != nil {
		t.Fatal(err)
	}
	var body pdu.Body
	switch kind {
	case "deliver":
		d, err := pdu.DecodeDeliver(tpdu)
		if err != nil {
			t.Fatal(err)
		}
		body = d.Body
	case "submit":
		s, err := pdu.DecodeSubmit(tpdu)
		if err != nil {
			t.Fatal(err)
		}
		body = s.Body
	default:
		counts["report"]++
		return
	}
	counts[kind]++
	counts[map[pdu.Alphabet]string{pdu.GSM7: "GSM-7", pdu.UCS2: "UCS-2"}[body.DCS.Alphabet()]]++
	if c, is := body.Concat(); is && c.Wide {
		counts["part, 16 bits"]++
	} else if is {
		counts["part, 8 bits"]++
	}
	if body.DCS.Alphabet() == pdu.GSM7 && strings.ContainsAny(body.Text(), "€[]{}^~\\|") {
		counts["extension table"]++
	}
}

// wantKinds expects at least 50 frames of each kind.
func wantKinds(t *testing.T, who string, counts map[string]int, kinds ...string) {
	t.Helper()
	if n := counts[""]; n > 0 { // the one alphabet to which kindsOf gives no name
		counts["8-bit"] = n
		delete(counts, "")
	}
	for _, k := range kinds {
		if counts[k] < 50 {
			t.Errorf("%s wrote %d frames of kind %s, want 50 at least: %v", who, counts[k], k, counts)
		}
	}
}

// readBack reads the frames of one message with our codec.
func readBack(t *testing.T, kind string, parts []string) nodeMessage {
	t.Helper()
	var all pdu.Assembler
	for i, p := range parts {
		b, err := hex.DecodeString(p)
		if err != nil {
			t.Fatal(err)
		}
		_, tpdu, err := pdu.SplitFrame(b)
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		var d pdu.Deliver
		if kind == "deliver" {
			d, err = pdu.DecodeDeliver(tpdu)
		} else {
			var s pdu.Submit
			s, err = pdu.DecodeSubmit(tpdu)
			d = pdu.Deliver{From: s.To, Body: s.Body}
		}
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		if w, ok := all.Add(pdu.Part{Slot: i, Deliver: d}, time.Unix(0, 0)); ok && i == len(parts)-1 {
			m := nodeMessage{Kind: kind, Address: w.From.String(), Text: w.Text}
			if at, ok := w.At.Time(); ok {
				m.At = at.UTC().Format(time.RFC3339)
			}
			return m
		}
	}
	return nodeMessage{Kind: fmt.Sprintf("not put together from %d parts", len(parts))}
}
