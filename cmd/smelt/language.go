package main

import (
	"github.com/abadojack/whatlanggo"

	"smelt/db/row"
)

// languageText is how much of a row its language is told from.
const languageText = 2000

// languageOf tells the language of a row from its answer, or from its question
// where the answer is short: an ISO 639-1 code, or "" when it is not sure.
func languageOf(c *row.Content) string {
	text, _ := c.LastAssistant()
	if question, _ := c.FirstUser(); len(text) < 40 {
		text = question + "\n" + text
	}
	info := whatlanggo.Detect(text[:min(len(text), languageText)])
	if !info.IsReliable() {
		return ""
	}
	return info.Lang.Iso6391()
}
