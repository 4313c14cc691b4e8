#!/bin/sh
# Sends a campaign over HTTP with curl, uploads a longer list, and reads what became of everybody.
#   BULKPOST_URL=http://127.0.0.1:8000 BULKPOST_KEY=bp_... examples/curl.sh
set -eu
: "${BULKPOST_URL:?set it to the address of bulkpost web}" "${BULKPOST_KEY:?set it to a key of bulkpost key create}"

call() {
    method=$1 path=$2
    shift 2
    curl --silent --show-error --fail-with-body --request "$method" --header "Authorization: Bearer $BULKPOST_KEY" \
        "$@" "$BULKPOST_URL$path"
}

field() { # the first number of that name in a JSON answer
    sed -E "s/^\{(.*,)?\"$1\":([0-9]+).*/\2/"
}

# A few recipients go along. The Idempotency-Key makes a repeat harmless: it gets the first answer.
few=$(call POST /v1/campaigns --header 'Content-Type: application/json' --header "Idempotency-Key: $(date +%s)-$$" --data '{
    "content": {"sender": "Shop", "text": "Hello {name}"},
    "recipients": [
        {"phone": "+7 903 000-00-01", "ref": "order 17", "variables": {"name": "Anna"}},
        {"phone": "79030000002", "ref": "order 18", "variables": {"name": "Boris"}}
    ]
}' | field id)
echo "campaign $few is created"

# A long list is uploaded into a draft, which is started then.
many=$(call POST /v1/campaigns --header 'Content-Type: application/json' \
    --data '{"content": {"sender": "Shop", "text": "Hello {name}"}}' | field id)
{
    echo 'phone,name'
    echo '79030000003,Vera'
    echo '79030000004,Gleb'
} | call POST "/v1/campaigns/$many/recipients" --header 'Content-Type: text/csv' --data-binary @- >/dev/null
call POST "/v1/campaigns/$many/start" >/dev/null
echo "campaign $many is started"

call GET "/v1/campaigns/$few/results?format=csv"
