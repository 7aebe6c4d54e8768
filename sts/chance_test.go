package sts_test

import (
	"math/rand/v2"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/sts"
)

// Only the 16-bit check field distinguishes a mistyped token or a wrong key from a good one. These tests count how
// often a bad token passes it by chance.

// leastRarity is the bound: at most one wrong token in this many may pass the check field as class 0 or 2. The expected
// rate is one in 65,536 of the wrong tokens with one of these classes.
const leastRarity = 30_000

// chance counts attempts.
type chance struct{ tried, passed, accepted, same int }

// try opens a wrong token and compares it with the contents of the right one.
func (c *chance) try(k sts.Key, wrong sts.Token, right sts.Opened) {
	c.tried++
	o := sts.Open(k, wrong)
	if o.Class == 1 || o.Class == 3 || o.Result == sts.CRCError {
		return
	}
	c.passed++
	if o.Result == sts.Accept {
		c.accepted++
	}
	if o == right {
		c.same++
	}
}

// report prints the figures and checks them against the bound.
func (c *chance) report(t *testing.T, what string) {
	t.Helper()
	t.Logf("figures: %s: %d tokens, %d tried, %d pass the check field as class 0 or 2 (1 in %d), %d of them mean something, %d say the same",
		what, chanceTokens(), c.tried, c.passed, c.tried/max(c.passed, 1), c.accepted, c.same)
	if c.passed*leastRarity > c.tried {
		t.Errorf("%s: %d of %d pass, want at most 1 in %d", what, c.passed, c.tried, leastRarity)
	}
	if c.same > 0 {
		t.Errorf("%s: %d tokens open to the same fields as the right one", what, c.same)
	}
	if c.tried < chanceTokens() {
		t.Errorf("%s: only %d tried, want at least %d", what, c.tried, chanceTokens())
	}
}

// someToken returns a random token of class 0 or 2 and its contents.
func someToken(t *testing.T, rnd *rand.Rand, k sts.Key) (sts.Token, sts.Opened) {
	t.Helper()
	var token sts.Token
	var err error
	tid, nibble := sts.TID(rnd.Uint32N(uint32(sts.MaxTID)+1)), uint8(rnd.UintN(16))
	switch rnd.UintN(4) {
	case 0:
		token, err = sts.EncodeManagement(k, sts.Management{SubClass: sts.ManageMaxPower, RND: nibble, TID: tid, Value: uint16(rnd.Uint32())})
	case 1:
		token, err = sts.EncodeCurrencyCredit(k, sts.CurrencyCredit{SubClass: sts.CurrencyElectricity, TID: tid, Amount: sts.CurrencyAmount(rnd.Uint32N(1 << 20))})
	default:
		token, err = sts.EncodeCredit(k, sts.Credit{RND: nibble, TID: tid, Amount: sts.Amount(rnd.UintN(1 << 14))})
	}
	if err != nil {
		t.Fatal(err)
	}
	return token, sts.Open(k, token)
}

func someKey(t *testing.T, rnd *rand.Rand, ea sts.EA) sts.Key {
	t.Helper()
	b := make([]byte, ea.KeySize())
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	k, err := sts.NewKey(ea, b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// chanceTokens is the number of tokens that the tests of chance make.
func chanceTokens() int { return tier.ChanceTokens.N() / raceDivisor }

// tokensPerKey is the number of tokens made for one meter, before the test goes to the next meter.
const tokensPerKey = 100

// TestChanceOfAMistypedDigit enters each token with one wrong digit, in several positions in turn.
func TestChanceOfAMistypedDigit(t *testing.T) {
	const places = 8
	for _, ea := range []sts.EA{sts.EA07, sts.EA11} {
		t.Run("EA"+ea.String(), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(tier.Seed(t), uint64(ea)))
			var c chance
			var k sts.Key
			digits := make([]byte, 0, sts.TokenDigits)
			for n := range chanceTokens() {
				if n%tokensPerKey == 0 {
					k = someKey(t, rnd, ea)
				}
				token, right := someToken(t, rnd, k)
				digits = token.AppendReveal(digits[:0])
				for place := range places {
					i := (n*places + place) % len(digits)
					was := digits[i]
					digits[i] = '0' + (was-'0'+1+byte(rnd.UintN(9)))%10
					if wrong, result := sts.ParseToken(string(digits)); result == sts.Accept {
						c.try(k, wrong, right)
					}
					digits[i] = was
				}
			}
			c.report(t, "one digit wrong, EA"+ea.String())
		})
	}
}

// TestChanceOfAWrongKey reads each token with the keys of other meters.
func TestChanceOfAWrongKey(t *testing.T) {
	const others = 2
	for _, ea := range []sts.EA{sts.EA07, sts.EA11} {
		t.Run("EA"+ea.String(), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(tier.Seed(t), uint64(ea)))
			var c chance
			var keys [others + 1]sts.Key
			for n := range chanceTokens() {
				if n%tokensPerKey == 0 {
					for i := range keys {
						keys[i] = someKey(t, rnd, ea)
					}
				}
				token, right := someToken(t, rnd, keys[0])
				for _, other := range keys[1:] {
					c.try(other, token, right)
				}
			}
			c.report(t, "a wrong key, EA"+ea.String())
		})
	}
}

// TestChanceOfANamedSlip gives the token doctor one key and tokens of other meters. It counts how often the token doctor
// names a slip that nobody made.
func TestChanceOfANamedSlip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 13))
	tokens := chanceTokens() / 40
	named, tried := 0, 0
	var keys []sts.Key
	for n := range tokens {
		if n%tokensPerKey == 0 {
			keys = []sts.Key{someKey(t, rnd, sts.EA07)}
		}
		token, _ := someToken(t, rnd, someKey(t, rnd, sts.EA07)) // a token for another meter
		e := sts.Explain(token.Reveal(), keys, nil)
		tried += e.Tried
		if len(e.Fits) > 0 {
			named++
		}
	}
	t.Logf("figures: a slip named by chance: %d of %d explanations (1 in %d), %d slips tried in each on average",
		named, tokens, tokens/max(named, 1), tried/tokens)
	if named*300 > tokens {
		t.Errorf("%d of %d explanations name a slip, want at most 1 in 300", named, tokens)
	}
}
