// Buys with a key that signs, and waits for the order: a client in Go with net/http.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

type order struct {
	ID     int64  `json:"order_id"`
	Status string `json:"status"`
}

var (
	shop   = os.Getenv("SHOP")
	client = http.Client{Timeout: 10 * time.Second}
)

func main() {
	product, err := strconv.ParseInt(os.Getenv("PRODUCT"), 10, 64)
	check(err)
	body, err := json.Marshal(map[string]any{"product_id": product, "quantity": 1, "payment_method": "balance"})
	check(err)
	answer := ask(http.MethodPost, "/orders", body)
	for {
		var found order
		check(json.Unmarshal(answer, &found))
		if found.Status != "processing" {
			break
		}
		pause, err := time.ParseDuration(os.Getenv("PAUSE_SECONDS") + "s")
		check(err)
		time.Sleep(pause)
		answer = ask(http.MethodGet, fmt.Sprintf("/orders/%d", found.ID), nil)
	}
	fmt.Println(string(answer))
}

// ask sends one request. A POST is signed over the bytes that are sent: the timestamp, a newline, the body.
func ask(method, path string, body []byte) []byte {
	request, err := http.NewRequest(method, shop+path, bytes.NewReader(body))
	check(err)
	request.Header.Set("X-API-Key", os.Getenv("KEY"))
	if method == http.MethodPost {
		timestamp := strconv.FormatInt(time.Now().Unix(), 10)
		mac := hmac.New(sha256.New, []byte(os.Getenv("SECRET")))
		mac.Write([]byte(timestamp + "\n"))
		mac.Write(body)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-Timestamp", timestamp)
		request.Header.Set("X-Signature", hex.EncodeToString(mac.Sum(nil)))
	}
	response, err := client.Do(request)
	check(err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	check(err)
	if response.StatusCode != http.StatusOK {
		log.Fatalf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	return answer
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
