// Has the network card up, and either sends full frames without end, or takes whatever comes. They are for the card itself: a
// switch that knows who is where lets them out, and does not count them as broadcasts.
//
//   netflood send | netflood take

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(const char *what) {
  printf("failed: %s\n", what);
  return 1;
}

int main(int argc, char **argv) {
  const int line = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  struct ifreq card = {0};
  strcpy(card.ifr_name, "eth0");
  if (ioctl(line, SIOCGIFFLAGS, &card) != 0) return fail("there is no network card");
  card.ifr_flags |= IFF_UP | IFF_PROMISC;
  if (ioctl(line, SIOCSIFFLAGS, &card) != 0) return fail("the network card does not go up");
  if (ioctl(line, SIOCGIFINDEX, &card) != 0) return fail("the network card has no number");
  struct sockaddr_ll place = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = card.ifr_ifindex};
  if (bind(line, (struct sockaddr *)&place, sizeof place) != 0) return fail("the network card cannot be listened to");
  static uint8_t frame[1514];
  if (argc == 2 && strcmp(argv[1], "take") == 0)
    for (;;) recv(line, frame, sizeof frame, 0);
  if (ioctl(line, SIOCGIFHWADDR, &card) != 0) return fail("the network card has no address");
  memcpy(frame, card.ifr_hwaddr.sa_data, 6);
  memcpy(frame + 6, card.ifr_hwaddr.sa_data, 6);
  // A number that no protocol has (IEEE's "local experimental").
  frame[12] = 0x88;
  frame[13] = 0xb5;
  for (;;) send(line, frame, sizeof frame, 0);
}
