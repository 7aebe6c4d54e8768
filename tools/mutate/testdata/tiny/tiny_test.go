package tiny

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// TestMain lets TestSquare start this binary as a program, as the scripts of cmd/paywatt do.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "square" {
		fmt.Print(Square(3))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestSquare starts a program without the variables of its own environment, except the one for coverage.
func TestSquare(t *testing.T) {
	cmd := exec.Command(os.Args[0], "square")
	cmd.Env = []string{"GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}
	if out, err := cmd.Output(); err != nil || string(out) != "9" {
		t.Fatalf("%s, %v", out, err)
	}
}

func TestFee(t *testing.T) {
	if Fee(5) != 0 || Fee(50) != 50 {
		t.Fatal(Fee(5), Fee(50))
	}
}

func TestLast(t *testing.T) {
	if got := Last([]string{"a", "b"}); got != "b" {
		t.Fatal(got)
	}
}
