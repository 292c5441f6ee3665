// Stands in for the official Go SDK, which no registry of these tests has: it repeats, with the standard library alone,
// what is documented of that client's transport (2.3.1), and nothing else of it. Four tries on a transport error, 429 and
// 5xx but 501; the fallback after an error, 400 and 5xx; one try there, by the default transport, with a new request id;
// the primary's answer is left open where the fallback is asked after 400 or 501; header names in Go's spelling,
// `Accept-Encoding: gzip` by the transport, explicit nulls in bodies.
//
// Makes every call that may go to the fallback, and one that may not; prints what an application would get.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	triesMax  = 4
	firstWait = 10 * time.Millisecond
	waitMax   = time.Second
)

var (
	primary  = os.Getenv("UNDERSTUDY_URL")
	fallback = os.Getenv("UNDERSTUDY_FALLBACK_URL")
	key      = os.Getenv("UNDERSTUDY_KEY")
	// Of the primary alone; the fallback is asked by the default one.
	transport = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
)

type call struct {
	name, method, path, body string
	isEligible               bool
}

func calls() []call {
	const ann = `"actor_type":"User","actor_id":"ann"`
	const web = `"resource_type":"Repo","resource_id":"web"`
	const asked = `{"predicate":["allow",["var_a","var_b","var_c"]],"calls":[],"constraints":{"var_a":{"type":"User","ids":["ann"]},` +
		`"var_b":{"type":"String","ids":["read"]},"var_c":{"type":"Repo","ids":null}},"context_facts":[]}`
	check := "{" + ann + `,"action":"read",` + web + `,"context_facts":[]}`
	list := "{" + ann + `,"action":"read","resource_type":"Repo","context_facts":[],"page_size":null,"page_token":null}`
	actions := "{" + ann + "," + web + `,"context_facts":[]}`
	fact := `{"predicate":"has_role","args":[{"type":"User","id":"ann"},{"type":"String","id":"reader"},{"type":"Repo","id":"web"}]}`
	local := func(query string) string { return `{"query":` + query + `,"data_bindings":""}` }
	return []call{
		{"authorize", "POST", "/authorize", check, true},
		{"list", "POST", "/list", list, true},
		{"actions", "POST", "/actions", actions, true},
		{"evaluate_query", "POST", "/evaluate_query", asked, true},
		{"facts", "GET", "/facts?predicate=has_role", "", true},
		{"policy_metadata", "GET", "/policy_metadata", "", true},
		{"authorize_query", "POST", "/authorize_query", local(check), true},
		{"list_query", "POST", "/list_query", local(list), true},
		{"actions_query", "POST", "/actions_query", local(actions), true},
		// The SDK's own list has this path misspelt.
		{"evaluate_query_local", "POST", "/evaluate_query_local", local(asked), false},
		{"batch", "POST", "/batch", `[{"inserts":[` + fact + `]}]`, false},
	}
}

func request(base string, c call) *http.Request {
	var body io.Reader
	if c.body != "" {
		body = bytes.NewBufferString(c.body)
	}
	r, err := http.NewRequest(c.method, base+"/api"+c.path, body)
	if err != nil {
		panic(err)
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	for name, value := range map[string]string{
		"Authorization": "Bearer " + key, "Content-Type": "application/json", "Accept": "application/json",
		"X-OsoApiVersion": "0", "X-Request-ID": fmt.Sprintf("%x", id), "User-Agent": "Oso Cloud (golang; stand-in)",
	} {
		r.Header.Set(name, value)
	}
	return r
}

// Asks the primary: its answer, or the error that is left after every try.
func ask(c call) (*http.Response, error) {
	wait := firstWait
	for try := 1; ; try++ {
		answer, err := transport.Do(request(primary, c))
		if err != nil && isFinal(err) {
			return nil, err
		}
		mayBeBetter := err != nil || answer.StatusCode == 429 || answer.StatusCode >= 500 && answer.StatusCode != 501
		if !mayBeBetter {
			return answer, nil
		}
		if try == triesMax {
			return nil, fmt.Errorf("giving up after %d attempt(s)", try)
		}
		pause := wait
		if err == nil {
			if seconds, bad := strconv.Atoi(answer.Header.Get("Retry-After")); bad == nil {
				pause = time.Duration(seconds) * time.Second
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}
		time.Sleep(pause)
		if wait *= 2; wait > waitMax {
			wait = waitMax
		}
	}
}

func isFinal(err error) bool {
	var of *url.Error
	if !errors.As(err, &of) {
		return false
	}
	text := of.Err.Error()
	return strings.Contains(text, "redirects") || strings.Contains(text, "certificate") || strings.Contains(text, "unsupported protocol")
}

func outcome(c call) (any, error) {
	answer, err := ask(c)
	goesOn := err != nil || answer.StatusCode == 400 || answer.StatusCode >= 500
	if goesOn && c.isEligible && fallback != "" {
		// What came of the primary is not closed here: neither does the client.
		answer, err = http.DefaultClient.Do(request(fallback, c))
	}
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 {
		var said struct{ Message string }
		if err := json.Unmarshal(text, &said); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("Oso Cloud error: %s (Request ID: %s)", said.Message, answer.Header.Get("X-Request-ID"))
	}
	var given any
	return given, json.Unmarshal(text, &given)
}

func main() {
	outcomes := map[string]any{}
	for _, c := range calls() {
		if answer, err := outcome(c); err == nil {
			outcomes[c.name] = map[string]any{"answer": answer}
		} else {
			outcomes[c.name] = map[string]any{"error": err.Error()}
		}
	}
	// Many calls that the primary refuses: each leaves a connection behind, and the primary has to live with that.
	if repeats, _ := strconv.Atoi(os.Getenv("UNDERSTUDY_REPEATS")); repeats > 0 {
		refused := call{"authorize", "POST", "/authorize", "{", true}
		for range make([]struct{}, repeats) {
			if _, err := outcome(refused); err == nil {
				panic("a body that is no JSON was answered")
			}
		}
		outcomes["repeats"] = repeats
		if os.Getenv("UNDERSTUDY_WAIT") != "" {
			// Holds the connections until told otherwise.
			_ = json.NewEncoder(os.Stdout).Encode(outcomes)
			_, _ = io.Copy(io.Discard, os.Stdin)
			return
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(outcomes)
}
