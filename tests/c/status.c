/* Asks once, by the environment alone, and prints what became of it:  status [CONFIG] */
#include "check.h"

int main(int count, char **arguments)
{
    kuai_client *client = kuai_client_new(count > 1 ? arguments[1] : NULL);
    kuai_status status;
    kuai_string_free(kuai_chat_complete(client, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}", &status));
    kuai_client_free(client);
    puts(kuai_status_name(status));
    return 0;
}
