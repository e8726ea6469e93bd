using peer from '../db/schema';

@path: '/odata'
service PeerService {
  entity Journals as projection on peer.Journals;
  entity CustomerPayments as projection on peer.CustomerPayments;
}
