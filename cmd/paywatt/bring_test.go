package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestTheProgramBringsPublicAuthorities: on a machine without certificates of public authorities, calls by HTTPS use those of the program.
func TestTheProgramBringsPublicAuthorities(t *testing.T) {
	const inside, found = "PAYWATT_TEST_WITHOUT_AUTHORITIES", "authorities: "
	if os.Getenv(inside) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1", "SSL_CERT_FILE=/nowhere", "SSL_CERT_DIR=/nowhere")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), found) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	if roots.Equal(x509.NewCertPool()) {
		t.Fatal("no authorities")
	}
	fmt.Println(found + "some")
}
