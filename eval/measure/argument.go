package measure

import (
	"math"
	"strings"

	"smelt/compute/text"
)

// Connectives counts the words and phrases of a text that say how its statements hang together, by what they say.
type Connectives struct {
	Words                                 int // of the text
	Contrast, Cause, Condition, Expansion int
}

// Total is the number of connectives of all kinds.
func (c Connectives) Total() int { return c.Contrast + c.Cause + c.Condition + c.Expansion }

// Density is the number of connectives in a hundred words; NaN for no words.
func (c Connectives) Density() float64 {
	if c.Words == 0 {
		return math.NaN()
	}
	return 100 * float64(c.Total()) / float64(c.Words)
}

// CountConnectives counts English connectives, as an incidence among words, the way Coh-Metrix does it (Graesser,
// McNamara et al. 2004, "Coh-Metrix: Analysis of text on cohesion and language", there per thousand). They are
// explicit connectives of the Penn Discourse TreeBank (Prasad et al. 2008), in its classes, less those that mostly
// are none (and, or, as, since, so, when, while, before, after, still: Pitler & Nenkova 2009), and the longest at
// a place counts alone. The lists are in the source.
func CountConnectives(s string) Connectives {
	list := scan(s)
	c := Connectives{Words: len(list)}
	for i := 0; i < len(list); {
		length, class := connectives.at(list, i)
		switch class {
		case contrast:
			c.Contrast++
		case cause:
			c.Cause++
		case condition:
			c.Condition++
		case expansion:
			c.Expansion++
		}
		i += max(1, length)
	}
	return c
}

// BothSides reports whether an English text names something for and something against: one of its phrases such as
// advantage, pros, benefit, supporters, in favour, "on the one hand", and one such as disadvantage, cons,
// drawback, critics, risk, "on the other hand". Which they speak of it cannot know. The lists are in the source.
func BothSides(s string) bool {
	list := scan(s)
	var pro, con bool
	for i := 0; i < len(list); {
		length, class := sides.at(list, i)
		pro, con = pro || class == favour, con || class == against
		i += max(1, length)
	}
	return pro && con
}

// Concludes reports whether an English text has a conclusion: in the last third of its words a sentence or line
// starts with a phrase such as "in conclusion", overall, therefore, "to sum up". The list is in the source.
func Concludes(s string) bool {
	list := scan(s)
	for i := len(list) - (len(list)+2)/3; i < len(list); i++ {
		if _, class := conclusions.at(list, i); class != 0 && list[i].starts {
			return true
		}
	}
	return false
}

// A word with whether a sentence or line starts with it.
type word struct {
	hash   uint64
	starts bool
}

func scan(s string) []word {
	var list []word
	end := 0
	for w := text.Scan([]byte(s)); w.Next(); end = w.End {
		list = append(list, word{w.Hash, end == 0 || strings.ContainsAny(s[end:w.Start], ".!?\n")})
	}
	return list
}

// The classes of phrases; 0 is none.
const (
	contrast = iota + 1
	cause
	condition
	expansion
	favour
	against
	conclusion
)

// The lists, one phrase between two commas. They are never written to.
var (
	connectives = phrasesOf(map[int]string{
		contrast: `but, however, although, though, even though, whereas, nevertheless, nonetheless, conversely, despite, in spite of,
			in contrast, by contrast, by comparison, on the contrary, on the other hand, on the one hand, even so, yet, instead, unlike, rather than,
			notwithstanding, regardless, that said, at the same time`,
		cause: `because, because of, therefore, thus, hence, consequently, as a result, as a consequence, accordingly, for this reason,
			for that reason, due to, owing to, so that, thereby, it follows that, which means that, this means that, insofar as`,
		condition: `if, even if, only if, unless, provided that, as long as, otherwise, assuming that, in case, whether, in that case, lest`,
		expansion: `also, moreover, furthermore, in addition, additionally, besides, similarly, likewise, for example, for instance, in particular,
			specifically, in other words, that is, indeed, in fact, namely, alternatively, not only, as well as, in general, overall,
			in conclusion, in summary, to sum up, finally, in short, firstly, secondly, thirdly, first of all, on top of that`,
	})
	sides = phrasesOf(map[int]string{
		favour: `advantage, advantages, benefit, benefits, beneficial, pro, pros, strength, strengths, upside, upsides, supporter, supporters, proponent,
			proponents, advocates, in favor, in favour, arguments for, argument for, case for, on the one hand, on one hand, merits, positive side,
			positives, opportunities`,
		against: `disadvantage, disadvantages, drawback, drawbacks, downside, downsides, con, cons, weakness, weaknesses, opponent, opponents, critic,
			critics, criticism, criticisms, against, arguments against, argument against, case against, on the other hand, on the other, risk, risks,
			negative side, negatives, limitation, limitations, shortcomings, skeptics, sceptics, objections, objection, trade off, trade offs,
			tradeoff, tradeoffs`,
	})
	conclusions = phrasesOf(map[int]string{
		conclusion: `in conclusion, to conclude, conclusion, overall, in summary, to summarize, to summarise, summary, to sum up, summing up, in sum, in short,
			in brief, ultimately, therefore, thus, hence, consequently, as a result, all in all, on balance, in the end, all things considered,
			taken together, in closing, finally, the bottom line, we can conclude, i conclude, it follows that, the answer is, so the answer is,
			the final answer is`,
	})
)

// phrases finds phrases by their first word.
type phrases map[uint64][]phrase

type phrase struct {
	words []uint64
	class int
}

func phrasesOf(classes map[int]string) phrases {
	p := phrases{}
	for class, list := range classes {
		for entry := range strings.SplitSeq(list, ",") {
			if w := words(entry); len(w) > 0 {
				p[w[0]] = append(p[w[0]], phrase{w, class})
			}
		}
	}
	return p
}

// at returns the length in words and the class of the longest phrase at list[i]; 0, 0 if there is none.
func (p phrases) at(list []word, i int) (length, class int) {
candidates:
	for _, c := range p[list[i].hash] {
		if len(c.words) <= length || len(c.words) > len(list)-i {
			continue
		}
		for j, w := range c.words {
			if list[i+j].hash != w {
				continue candidates
			}
		}
		length, class = len(c.words), c.class
	}
	return length, class
}
