package main

import (
	"slices"
	"strings"
)

// maxTypos is how many typos a word may have for "did you mean".
const maxTypos = 2

// nearest returns the word of a set that is nearest to another word. It may differ in at most [maxTypos] letters, and never
// in all of them. Without such a word it returns "".
func nearest(word string, of []string) string {
	best, least := "", min(maxTypos, len([]rune(word))-1)+1
	for _, known := range of {
		if d := distance(strings.ToLower(word), strings.ToLower(known)); d < least {
			best, least = known, d
		}
	}
	return best
}

// didYouMean suggests the nearest word; it is empty if there is none.
func didYouMean(near string) string {
	if near == "" {
		return ""
	}
	return "Did you mean " + near + "? "
}

// distance is the edit distance of two words: letters to insert, delete, replace or swap with their neighbour.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	before, last, row := []int(nil), []int(nil), make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range from {
		before, last, row = last, row, make([]int, len(to)+1)
		row[0] = i + 1
		for j := range to {
			cost := 1
			if from[i] == to[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && from[i] == to[j-1] && from[i-1] == to[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(to)]
}

// alternativesText lists words for a sentence: "a, b or c".
func alternativesText(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(slices.Clone(words[:last]), ", ") + " or " + words[last]
}
