// Package report shows results as one HTML page that stands alone: no script, no font and no picture is fetched, and
// in a dark browser it is dark. What a reader wants to know first comes first: did it get better, and how sure is
// that; then the scores, what was not run, examples, and how all was measured.
//
// The same results give the same bytes; the page says nothing of when it was made. Texts of models and data are shown
// as they are, less what would change how the page around them is read: control characters and marks of writing
// direction are shown by name, bytes that are no UTF-8 as U+FFFD, and of a long text the beginning and the end.
//
// Shares are in percent with one decimal, differences of shares in points, standard errors after "±"; where all examples
// are alike, so that there is none, the bound of the interval stands in its place.
package report

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"io"

	"smelt/compute/chart"
	"smelt/eval/compare"
	"smelt/eval/results"
)

//go:embed page.html
var pageText string

//go:embed style.css
var styleText string

// ErrOther says that a comparison is not of the results it came with.
var ErrOther = errors.New("the comparison is of other results: its second side must be the results shown")

// page is what the template sees. Whatever is template.HTML was drawn by package chart, which escapes.
type page struct {
	Style    template.CSS
	Title    string
	Model    results.Model
	Verdict  *verdict // nil without a comparison
	Banners  []string // what holds for every score
	Chart    template.HTML
	Scores   []scoreGroup
	NotRun   []results.Task
	Composed []results.Composite
	HeldOut  *heldOut
	Clean    []clean
	Tasks    []taskPart
	Facts    []fact
	Data     []dataFile
}

// HTML writes the page of results; with c, a comparison of them with those of another model, what it found comes
// first. It fails with ErrOther if the results are not c's second side, and if w does.
func HTML(w io.Writer, r *results.Results, c *compare.Comparison) error {
	if c != nil && c.B.SHA256 != r.Model.SHA256 {
		return ErrOther
	}
	t, err := template.New("page").Funcs(functions).Parse(pageText)
	if err != nil {
		return err
	}
	p := page{
		Style: template.CSS(chart.StyleSheet() + chart.RowStyleSheet() + styleText),
		Title: line(r.Model.Name), Model: r.Model,
		Banners: banners(r), HeldOut: held(r, c), Clean: cleaned(r), Facts: facts(r), Data: dataFiles(r),
		Scores: scores(r), Composed: r.Composites, Tasks: taskParts(r, c),
	}
	for _, t := range r.Tasks {
		if t.NotRun != "" {
			p.NotRun = append(p.NotRun, t)
		}
	}
	if p.Chart, err = bars(r, c); err != nil {
		return err
	}
	if p.Verdict, err = judged(c); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}
